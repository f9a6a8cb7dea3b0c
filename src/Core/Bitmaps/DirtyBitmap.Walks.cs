using System.Numerics;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Core.Bitmaps;

/// <summary>Finding and counting: what is not there is passed over by chunks of 32,768 units.</summary>
public sealed partial class DirtyBitmap
{
    /// <summary>Units set.</summary>
    public long Count()
    {
        var count = 0L;
        for (var i = 0; i < _chunks.Length; i++)
        {
            foreach (var word in Chunk(i) ?? [])
            {
                count += BitOperations.PopCount(word);
            }
        }

        return count;
    }

    public bool IsEmpty() => NextSet(0) < 0;

    /// <summary>Index of the first set unit at or after <paramref name="from"/>; -1 when there is none.</summary>
    public long NextSet(long from) => NextSet(from, BlockCount);

    /// <summary>Index of the first clear unit at or after <paramref name="from"/>; BlockCount when there is none.</summary>
    public long NextClear(long from) => NextClear(from, BlockCount);

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

    /// <summary>May look no further than the words of <paramref name="limit"/>, and may find a unit beyond it.</summary>
    private long NextSet(long from, long limit)
    {
        if (from >= limit)
        {
            return -1;
        }

        var word = (int)(from >> 6);
        var endWord = (int)((limit + WordBits - 1) >> 6);
        var bits = Word(word) & (ulong.MaxValue << (int)(from & 63));
        while (bits == 0)
        {
            word = NextLiveWord(word + 1, endWord);
            if (word < 0)
            {
                return -1;
            }

            bits = Word(word);
        }

        return ((long)word << 6) + BitOperations.TrailingZeroCount(bits);
    }

    private long NextClear(long from, long limit)
    {
        while (from < limit)
        {
            var bits = ~Word((int)(from >> 6)) & (ulong.MaxValue << (int)(from & 63));
            if (bits != 0)
            {
                return Math.Min(limit, (from & ~63L) + BitOperations.TrailingZeroCount(bits));
            }

            from = (long)NextWordThatIsNot(ulong.MaxValue, (int)(from >> 6) + 1) << 6;
        }

        return limit;
    }

    /// <summary>The first word from <paramref name="from"/> on that is not zero; -1 when there is none before <paramref name="end"/>.</summary>
    private int NextLiveWord(int from, int end)
    {
        while (from < end)
        {
            var index = from >> ChunkShift;
            if (Chunk(index) is { } chunk && chunk.AsSpan(from & (ChunkWords - 1)).IndexOfAnyExcept(0UL) is >= 0 and var ahead)
            {
                return from + ahead < end ? from + ahead : -1;
            }

            from = (index + 1) << ChunkShift;
        }

        return -1;
    }

    /// <summary>No further than the end of the chunk.</summary>
    private int NextWordThatIsNot(ulong value, int from)
    {
        if (from >= WordCount || Chunk(from >> ChunkShift) is not { } chunk)
        {
            return from;
        }

        var rest = chunk.AsSpan(from & (ChunkWords - 1));
        var ahead = rest.IndexOfAnyExcept(value);
        return from + (ahead < 0 ? rest.Length : ahead);
    }
}
