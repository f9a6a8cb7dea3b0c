using System.Numerics;

namespace ActorBackup.Core.Blocks;

/// <summary>How a disk of SizeBytes divides into blocks of BlockBytes (a power of two). The last block may be partial.</summary>
public readonly record struct BlockGeometry
{
    private readonly int _shift;

    public BlockGeometry(long sizeBytes, long blockBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeBytes);
        if (blockBytes <= 0 || !BitOperations.IsPow2(blockBytes))
        {
            throw new ArgumentOutOfRangeException(nameof(blockBytes), blockBytes, "A block is a power of two bytes.");
        }

        SizeBytes = sizeBytes;
        BlockBytes = blockBytes;
        _shift = BitOperations.Log2((ulong)blockBytes);
    }

    public long SizeBytes { get; }

    public long BlockBytes { get; }

    public long BlockCount => (SizeBytes + BlockBytes - 1) >> _shift;

    public long IndexOf(long offsetBytes) => offsetBytes >> _shift;

    public long OffsetOf(long blockIndex) => blockIndex << _shift;

    /// <summary>Bytes of the disk in this block: BlockBytes, or fewer for the tail.</summary>
    public long LengthOf(long blockIndex) => Math.Min(BlockBytes, SizeBytes - OffsetOf(blockIndex));

    public Extent ExtentOf(long blockIndex) => new(OffsetOf(blockIndex), LengthOf(blockIndex));

    /// <summary>Indices [first, end) of the blocks that a byte range touches; empty for length 0.</summary>
    public (long First, long End) Touched(long offsetBytes, long lengthBytes) =>
        lengthBytes <= 0
            ? (IndexOf(offsetBytes), IndexOf(offsetBytes))
            : (IndexOf(offsetBytes), IndexOf(offsetBytes + lengthBytes - 1) + 1);
}
