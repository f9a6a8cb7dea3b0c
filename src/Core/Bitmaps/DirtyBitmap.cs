using ActorBackup.Core.Blocks;

namespace ActorBackup.Core.Bitmaps;

/// <summary>A set of units of a disk, one bit per unit of Geometry.BlockBytes (the granularity).</summary>
/// <remarks>
/// Invariants: bits past BlockCount are zero; a chunk that is not there is all clear, and one that is there stays the same array for ever, so that
/// who marks a unit beside others never writes to one that was replaced.
/// Marking bytes [start, end) marks every unit they touch, so a bitmap may claim too much but never too little:
/// with 4 KiB units, MarkBytes(offset: 4095, length: 2) marks units 0 and 1.
/// Marking and clearing are lock-free and safe from many threads; the set operations and counts want a quiet bitmap to be exact.
/// Costs: 1 bit per unit and less than 1 % of that, only for the chunks of 32,768 units in which a unit was ever set, and 8 bytes for each of the others.
/// </remarks>
public sealed partial class DirtyBitmap
{
    private const int WordBits = 64;
    private const int ChunkShift = 9;
    private const int ChunkWords = 1 << ChunkShift;
    private const int ChunkUnits = ChunkWords * WordBits;

    private readonly ulong[]?[] _chunks;

    public DirtyBitmap(BlockGeometry geometry)
    {
        Geometry = geometry;
        WordCount = checked((int)((geometry.BlockCount + WordBits - 1) / WordBits));
        _chunks = new ulong[]?[(WordCount + ChunkWords - 1) >> ChunkShift];
    }

    public BlockGeometry Geometry { get; }

    public long BlockCount => Geometry.BlockCount;

    public int WordCount { get; }

    public bool this[long blockIndex] => (Word((int)(blockIndex >> 6)) & Bit(blockIndex)) != 0;

    /// <summary>The 64 units from index 64 × <paramref name="wordIndex"/> on; lowest bit = lowest unit.</summary>
    public ulong Word(int wordIndex) => Chunk(wordIndex >> ChunkShift) is { } chunk ? Volatile.Read(ref chunk[wordIndex & (ChunkWords - 1)]) : 0;

    /// <summary>Sets the unit. Returns whether it was clear before.</summary>
    public bool Mark(long blockIndex)
    {
        var (word, bit) = ((int)(blockIndex >> 6), Bit(blockIndex));
        return (Word(word) & bit) == 0 && (MarkWord(word, bit) & bit) == 0;
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
            if (TryMarkChunk(first, end))
            {
                first += ChunkUnits;
                continue;
            }

            var (word, mask, next) = Slice(first, end);
            if ((Word(word) & mask) != mask)
            {
                MarkWord(word, mask);
            }

            first = next;
        }
    }

    /// <summary>Clears the unit. Returns whether it was set before.</summary>
    public bool Clear(long blockIndex)
    {
        var bit = Bit(blockIndex);
        return (ClearWord((int)(blockIndex >> 6), bit) & bit) != 0;
    }

    /// <summary>Clears the units [first, end).</summary>
    public void ClearRange(long first, long end)
    {
        while (first < end)
        {
            var (word, mask, next) = Slice(first, end);
            ClearWord(word, mask);
            first = next;
        }
    }

    /// <summary>Clears some units of one word. Returns the word before.</summary>
    public ulong ClearWord(int wordIndex, ulong mask) =>
        Chunk(wordIndex >> ChunkShift) is { } chunk ? Interlocked.And(ref chunk[wordIndex & (ChunkWords - 1)], ~mask) : 0;

    /// <summary>Sets some units of one word. Returns the word before.</summary>
    public ulong MarkWord(int wordIndex, ulong mask) => Interlocked.Or(ref NeedChunk(wordIndex >> ChunkShift)[wordIndex & (ChunkWords - 1)], mask);

    public void MarkAll() => MarkRange(0, BlockCount);

    /// <summary>Keeps the chunks: somebody may be marking a unit of one right now.</summary>
    public void ClearAll()
    {
        for (var i = 0; i < _chunks.Length; i++)
        {
            Array.Clear(Chunk(i) ?? []);
        }
    }

    private static ulong Bit(long blockIndex) => 1UL << (int)(blockIndex & 63);

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

    private ulong[]? Chunk(int index) => Volatile.Read(ref _chunks[index]);

    private ulong[] NeedChunk(int index) => Chunk(index) ?? AddChunk(index, new ulong[ChunkLength(index)]);

    private int ChunkLength(int index) => Math.Min(ChunkWords, WordCount - (index << ChunkShift));

    /// <summary>The chunk that is there afterwards: this one, or the one of who was faster.</summary>
    private ulong[] AddChunk(int index, ulong[] chunk) => Interlocked.CompareExchange(ref _chunks[index], chunk, null) ?? chunk;

    /// <summary>Sets a whole chunk at once if the range covers one from its first unit on and nobody has marked anything in it before.</summary>
    private bool TryMarkChunk(long first, long end)
    {
        var index = (int)(first / ChunkUnits);
        if (first % ChunkUnits != 0 || end - first < ChunkUnits || Chunk(index) is not null)
        {
            return false;
        }

        var full = new ulong[ChunkWords];
        Array.Fill(full, ulong.MaxValue);
        return ReferenceEquals(AddChunk(index, full), full);
    }
}
