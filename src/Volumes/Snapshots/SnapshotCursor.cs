using System.Numerics;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>Which blocks nobody got yet, in ascending order; finds holes so that zeroes need not be read.</summary>
internal sealed class SnapshotCursor(BlockGeometry geometry, DirtyBitmap need, BlockClaims claims, IBacking backing)
{
    private const long RunBlocksMax = 64 * 1024;

    private readonly DirtyBitmap _pending = new(geometry);
    private long _from;

    // Up to here the source was found to hold data. A hint: a hole that a guest makes meanwhile is merely read.
    private long _dataUntil;

    public void Install(DirtyBitmap copyList) => _pending.UnionWith(copyList);

    /// <summary>The next block that may be free to take; -1 = none is left.</summary>
    public long Peek()
    {
        var block = _pending.NextSet(Volatile.Read(ref _from));
        if (block < 0)
        {
            // A reader that gave blocks back did so behind the hint.
            block = _pending.NextSet(0);
        }

        if (block >= 0)
        {
            Volatile.Write(ref _from, block);
        }

        return block;
    }

    public bool TryTake(long block) => _pending.Clear(block);

    /// <summary>Takes a run of blocks from this one on that lie in a hole of the source. Returns how many; 0 = read it instead.</summary>
    public long TryTakeZeroes(long block)
    {
        var holeEnd = HoleEnd(block);
        var taken = 0L;
        while (block + taken < holeEnd && taken < RunBlocksMax)
        {
            var first = block + taken;
            var word = (int)(first >> 6);
            var end = Math.Min(holeEnd, ((long)word + 1) << 6);
            var got = BitOperations.PopCount(TakeZeroWord(word, Mask(first, end)));
            taken += got;
            if (got < end - first)
            {
                break;
            }
        }

        return taken;
    }

    private static ulong Mask(long first, long end) => (ulong.MaxValue << (int)(first & 63)) & (ulong.MaxValue >> (int)(63 - ((end - 1) & 63)));

    /// <summary>The ones of the set that follow its place in the mask without a gap.</summary>
    private static ulong Prefix(ulong set, ulong mask)
    {
        var low = BitOperations.TrailingZeroCount(mask);
        var length = BitOperations.TrailingZeroCount(~(set >> low));
        return length >= 64 ? set : set & (((1UL << length) - 1) << low);
    }

    /// <summary>End of the whole blocks that lie in the hole at this block; the block itself if there is data in it.</summary>
    private long HoleEnd(long block)
    {
        var offset = geometry.OffsetOf(block);
        if (!need[block] || offset < Volatile.Read(ref _dataUntil))
        {
            return block;
        }

        try
        {
            var (start, end) = backing.NextData(offset);
            if (start <= offset)
            {
                Volatile.Write(ref _dataUntil, end);
            }

            return start >= geometry.SizeBytes ? geometry.BlockCount : Math.Max(block, geometry.IndexOf(start));
        }
        catch (FileLayerException)
        {
            // Reading the block reports whatever is wrong.
            return block;
        }
    }

    /// <summary>Under claims nobody writes to a needed block, so a hole that is found now was one at the instant.</summary>
    private ulong TakeZeroWord(int word, ulong mask)
    {
        var claimed = claims.ClaimWord(word, Prefix(need.Word(word) & _pending.Word(word) & mask, mask));
        try
        {
            var zero = Prefix(need.Word(word) & claimed, mask);
            if (zero == 0 || !IsHole(word, zero))
            {
                return 0;
            }

            // Another reader may have taken some: it waits for the claim and reads them itself. What follows such a block is given back.
            var won = _pending.ClearWord(word, zero) & zero;
            var taken = Prefix(won, mask);
            if (won != taken)
            {
                _pending.MarkWord(word, won & ~taken);
            }

            need.ClearWord(word, taken);
            return taken;
        }
        finally
        {
            claims.ReleaseWord(word, claimed);
        }
    }

    private bool IsHole(int word, ulong run)
    {
        var first = ((long)word << 6) + BitOperations.TrailingZeroCount(run);
        var end = first + BitOperations.PopCount(run);
        try
        {
            return backing.NextData(geometry.OffsetOf(first)).Start >= Math.Min(geometry.SizeBytes, geometry.OffsetOf(end));
        }
        catch (FileLayerException)
        {
            return false;
        }
    }
}
