using System.Numerics;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>The parts of a block that can be kept one by one. A set of parts is a mask, the first part its lowest bit.</summary>
/// <remarks>A guest that writes 4 KiB of a block of 64 KiB waits for 4 KiB to be kept. A block has at most as many parts as a mask has bits.</remarks>
internal readonly struct BlockParts
{
    private const int SmallestBytes = 4096;

    /// <param name="blockBytes">A power of two.</param>
    public BlockParts(int blockBytes)
    {
        PartBytes = Math.Max(Math.Min(SmallestBytes, blockBytes), blockBytes / 64);
        Count = blockBytes / PartBytes;
        All = ulong.MaxValue >> (64 - Count);
    }

    public int PartBytes { get; }

    /// <summary>In a block; 1 to 64.</summary>
    public int Count { get; }

    public ulong All { get; }

    /// <summary>Bytes of the first run of parts that follow each other, as [start, end) within the block; empty when the mask is.</summary>
    public (int Start, int End) FirstRun(ulong parts)
    {
        if (parts == 0)
        {
            return default;
        }

        var first = BitOperations.TrailingZeroCount(parts);
        return (first * PartBytes, (first + BitOperations.TrailingZeroCount(~(parts >> first))) * PartBytes);
    }

    /// <summary>Parts that have a byte of [start, end).</summary>
    public ulong Touched(long start, long end)
    {
        var (first, last) = ((int)(start / PartBytes), (int)((end - 1) / PartBytes));
        return (ulong.MaxValue << first) & (ulong.MaxValue >> (63 - last));
    }

    /// <summary>Of these parts of the block. That of a union is the exclusive or of both.</summary>
    public ulong Checksum(ReadOnlySpan<byte> block, ulong parts)
    {
        var sum = 0UL;
        for (var left = parts; left != 0; left &= left - 1)
        {
            var part = BitOperations.TrailingZeroCount(left);

            // Turned, so that the same bytes count for something else in another place.
            sum ^= BitOperations.RotateLeft(TrackingFormat.Checksum(block.Slice(part * PartBytes, PartBytes)), part);
        }

        return sum;
    }

    /// <summary>Copies these parts from one block to another.</summary>
    public void Copy(ReadOnlySpan<byte> from, Span<byte> to, ulong parts)
    {
        for (var left = parts; left != 0;)
        {
            var (start, end) = FirstRun(left);
            from[start..end].CopyTo(to[start..]);
            left &= ~Touched(start, end);
        }
    }
}
