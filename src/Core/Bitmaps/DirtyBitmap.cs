using System.Numerics;
using System.Runtime.InteropServices;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Core.Bitmaps;

/// <summary>A set of units of a disk, one bit per unit of Geometry.BlockBytes (the granularity).</summary>
/// <remarks>
/// Invariants: bits past BlockCount are zero; a word that is not zero has its summary bit set once the call that set it has returned
/// (the summary may claim too much: clearing leaves it).
/// Marking bytes [start, end) marks every unit they touch, so a bitmap may claim too much but never too little:
/// with 4 KiB units, MarkBytes(offset: 4095, length: 2) marks units 0 and 1.
/// Marking and clearing are lock-free and safe from many threads; the set operations and counts want a quiet bitmap to be exact.
/// Costs: 1 bit per unit and 1/64 of that for the summary; iteration skips clean runs of 4096 units in one step.
/// </remarks>
public sealed class DirtyBitmap
{
    private const int WordBits = 64;

    private readonly ulong[] _words;
    private readonly ulong[] _summary;

    public DirtyBitmap(BlockGeometry geometry)
    {
        Geometry = geometry;
        var words = (geometry.BlockCount + WordBits - 1) / WordBits;
        _words = new ulong[words];
        _summary = new ulong[(words + WordBits - 1) / WordBits];
    }

    public BlockGeometry Geometry { get; }

    public long BlockCount => Geometry.BlockCount;

    public int WordCount => _words.Length;

    public bool this[long blockIndex] => (Volatile.Read(ref _words[blockIndex >> 6]) & (1UL << (int)(blockIndex & 63))) != 0;

    /// <summary>The 64 units from index 64 × <paramref name="wordIndex"/> on; lowest bit = lowest unit.</summary>
    public ulong Word(int wordIndex) => Volatile.Read(ref _words[wordIndex]);

    /// <summary>Sets the unit. Returns whether it was clear before.</summary>
    public bool Mark(long blockIndex)
    {
        var word = (int)(blockIndex >> 6);
        var bit = 1UL << (int)(blockIndex & 63);
        if ((Volatile.Read(ref _words[word]) & bit) != 0)
        {
            return false;
        }

        return (MarkWord(word, bit) & bit) == 0;
    }

    /// <summary>Sets every unit that the byte range touches.</summary>
    public void MarkBytes(long offsetBytes, long lengthBytes)
    {
        var (first, end) = Geometry.Touched(offsetBytes, lengthBytes);
        MarkRange(first, end);
    }

    /// <summary>Sets the units [first, end).</summary>
    public void MarkRange(long first, long end)
    {
        while (first < end)
        {
            var (word, mask, next) = Slice(first, end);
            if ((Volatile.Read(ref _words[word]) & mask) != mask)
            {
                MarkWord(word, mask);
            }

            first = next;
        }
    }

    /// <summary>Clears the unit. Returns whether it was set before.</summary>
    public bool Clear(long blockIndex)
    {
        var bit = 1UL << (int)(blockIndex & 63);
        return (Interlocked.And(ref _words[blockIndex >> 6], ~bit) & bit) != 0;
    }

    /// <summary>Clears the units [first, end).</summary>
    public void ClearRange(long first, long end)
    {
        while (first < end)
        {
            var (word, mask, next) = Slice(first, end);
            Interlocked.And(ref _words[word], ~mask);
            first = next;
        }
    }

    /// <summary>Clears some units of one word. Returns the word before.</summary>
    public ulong ClearWord(int wordIndex, ulong mask) => Interlocked.And(ref _words[wordIndex], ~mask);

    /// <summary>Sets some units of one word. Returns the word before.</summary>
    public ulong MarkWord(int wordIndex, ulong mask)
    {
        // Summary first: whoever finds the unit set must be able to count on every walk finding it.
        var summaryBit = 1UL << (wordIndex & 63);
        if ((Volatile.Read(ref _summary[wordIndex >> 6]) & summaryBit) == 0)
        {
            Interlocked.Or(ref _summary[wordIndex >> 6], summaryBit);
        }

        return Interlocked.Or(ref _words[wordIndex], mask);
    }

    public void MarkAll() => MarkRange(0, BlockCount);

    public void ClearAll()
    {
        Array.Clear(_words);
        Array.Clear(_summary);
    }

    /// <summary>Units set.</summary>
    public long Count()
    {
        var count = 0L;
        for (var s = 0; s < _summary.Length; s++)
        {
            for (var live = _summary[s]; live != 0; live &= live - 1)
            {
                count += BitOperations.PopCount(_words[(s << 6) + BitOperations.TrailingZeroCount(live)]);
            }
        }

        return count;
    }

    public bool IsEmpty() => NextSet(0) < 0;

    /// <summary>Index of the first set unit at or after <paramref name="from"/>; -1 when there is none.</summary>
    public long NextSet(long from) => NextSet(from, BlockCount);

    /// <summary>The run of units at <paramref name="from"/> that are all set or all clear: [from, End), never empty, no further than <paramref name="limit"/>.</summary>
    /// <remarks>
    /// Costs what the run costs to walk. Beside writers that mark, a run that is reported clear was clear at some time during the call, and one that is
    /// reported set may have been cleared meanwhile.
    /// </remarks>
    /// <param name="from">Less than <paramref name="limit"/>.</param>
    /// <param name="limit">At most BlockCount.</param>
    public (bool IsSet, long End) RunAt(long from, long limit)
    {
        var set = NextSet(from, limit);
        return set < 0 ? (false, limit)
            : set > from ? (false, Math.Min(set, limit))
            : (true, Math.Max(from + 1, NextClear(from, limit)));
    }

    /// <summary>May look no further than the words of <paramref name="limit"/>, and may find a unit beyond it.</summary>
    private long NextSet(long from, long limit)
    {
        if (from >= limit)
        {
            return -1;
        }

        var word = (int)(from >> 6);
        var endWord = (int)((limit + WordBits - 1) >> 6);
        var bits = Volatile.Read(ref _words[word]) & (ulong.MaxValue << (int)(from & 63));
        while (bits == 0)
        {
            word = NextLiveWord(word + 1, endWord);
            if (word < 0)
            {
                return -1;
            }

            bits = Volatile.Read(ref _words[word]);
        }

        return ((long)word << 6) + BitOperations.TrailingZeroCount(bits);
    }

    /// <summary>Index of the first clear unit at or after <paramref name="from"/>; BlockCount when there is none.</summary>
    public long NextClear(long from) => NextClear(from, BlockCount);

    private long NextClear(long from, long limit)
    {
        while (from < limit)
        {
            var word = (int)(from >> 6);
            var bits = ~Volatile.Read(ref _words[word]) & (ulong.MaxValue << (int)(from & 63));
            if (bits != 0)
            {
                return Math.Min(limit, ((long)word << 6) + BitOperations.TrailingZeroCount(bits));
            }

            from = ((long)word + 1) << 6;
        }

        return limit;
    }

    /// <summary>Runs of set units, ascending, coalesced: [First, End).</summary>
    public IEnumerable<(long First, long End)> Runs()
    {
        for (var first = NextSet(0); first >= 0;)
        {
            var end = NextClear(first);
            yield return (first, end);
            first = NextSet(end);
        }
    }

    /// <summary>Dirty byte ranges, ascending, coalesced, cut at the disk's end.</summary>
    public IEnumerable<Extent> Extents()
    {
        foreach (var (first, end) in Runs())
        {
            var start = Geometry.OffsetOf(first);
            yield return new Extent(start, Math.Min(Geometry.OffsetOf(end), Geometry.SizeBytes) - start);
        }
    }

    /// <summary>Adds every unit that <paramref name="other"/> touches; granularities may differ and are rounded outwards.</summary>
    /// <exception cref="ArgumentException">The disk sizes differ.</exception>
    public void UnionWith(DirtyBitmap other)
    {
        if (other.Geometry.SizeBytes != Geometry.SizeBytes)
        {
            throw new ArgumentException("Bitmaps of disks of different size cannot be merged.", nameof(other));
        }

        if (other.Geometry.BlockBytes != Geometry.BlockBytes)
        {
            foreach (var extent in other.Extents())
            {
                MarkBytes(extent.Offset, extent.Length);
            }

            return;
        }

        for (var s = 0; s < other._summary.Length; s++)
        {
            for (var live = Volatile.Read(ref other._summary[s]); live != 0; live &= live - 1)
            {
                var word = (s << 6) + BitOperations.TrailingZeroCount(live);
                var bits = Volatile.Read(ref other._words[word]);
                if (bits != 0)
                {
                    MarkWord(word, bits);
                }
            }
        }
    }

    /// <summary>Clears every unit that is set in <paramref name="other"/> (same geometry).</summary>
    public void ExceptWith(DirtyBitmap other)
    {
        for (var word = NextLiveWord(0, WordCount); word >= 0; word = NextLiveWord(word + 1, WordCount))
        {
            if (other.Word(word) is not 0 and var bits)
            {
                ClearWord(word, bits);
            }
        }
    }

    public DirtyBitmap Clone()
    {
        var copy = new DirtyBitmap(Geometry);
        copy.UnionWith(this);
        return copy;
    }

    /// <summary>This set at another granularity, rounded outwards.</summary>
    public DirtyBitmap ToGranularity(long granularityBytes)
    {
        var converted = new DirtyBitmap(new BlockGeometry(Geometry.SizeBytes, granularityBytes));
        converted.UnionWith(this);
        return converted;
    }

    /// <summary>Whether every unit of this is set in <paramref name="other"/> (same geometry).</summary>
    public bool IsSubsetOf(DirtyBitmap other)
    {
        for (var word = NextLiveWord(0, WordCount); word >= 0; word = NextLiveWord(word + 1, WordCount))
        {
            if ((Word(word) & ~other.Word(word)) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Copies the words [firstWord, firstWord + count) out as little-endian bytes.</summary>
    public void ReadWords(int firstWord, Span<byte> destination)
    {
        var count = destination.Length / sizeof(ulong);
        for (var i = 0; i < count; i++)
        {
            var word = firstWord + i < _words.Length ? Volatile.Read(ref _words[firstWord + i]) : 0;
            MemoryMarshal.Write(destination[(i * sizeof(ulong))..], in word);
        }
    }

    /// <summary>Ors words from little-endian bytes; bits past the end are ignored.</summary>
    public void UnionWords(int firstWord, ReadOnlySpan<byte> source)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(source);
        for (var i = 0; i < words.Length && firstWord + i < _words.Length; i++)
        {
            var word = firstWord + i;
            var bits = words[i] & ValidMask(word);
            if (bits != 0)
            {
                MarkWord(word, bits);
            }
        }
    }

    private ulong ValidMask(int word)
    {
        var left = BlockCount - ((long)word << 6);
        return left >= WordBits ? ulong.MaxValue : (1UL << (int)left) - 1;
    }

    /// <summary>The first word from <paramref name="from"/> on that is not zero; -1 when there is none before <paramref name="end"/>.</summary>
    private int NextLiveWord(int from, int end)
    {
        if (from >= end)
        {
            return -1;
        }

        var s = from >> 6;
        var live = Volatile.Read(ref _summary[s]) & (ulong.MaxValue << (from & 63));
        while (true)
        {
            for (; live != 0; live &= live - 1)
            {
                var word = (s << 6) + BitOperations.TrailingZeroCount(live);
                if (word >= end)
                {
                    return -1;
                }

                if (Volatile.Read(ref _words[word]) != 0)
                {
                    return word;
                }
            }

            if (++s << 6 >= end)
            {
                return -1;
            }

            live = Volatile.Read(ref _summary[s]);
        }
    }

    private static (int Word, ulong Mask, long Next) Slice(long first, long end)
    {
        var word = (int)(first >> 6);
        var wordEnd = ((long)word + 1) << 6;
        var mask = ulong.MaxValue << (int)(first & 63);
        if (end < wordEnd)
        {
            mask &= (1UL << (int)(end & 63)) - 1;
        }

        return (word, mask, Math.Min(end, wordEnd));
    }
}
