using System.Numerics;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>Which blocks nobody got yet, in ascending order; finds holes so that zeroes need not be read.</summary>
internal sealed class SnapshotCursor(BlockGeometry geometry, DirtyBitmap need, DirtyBitmap partlyKept, BlockClaims claims, IBacking backing)
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
    /// <remarks>
    /// The source is asked twice, however long the run: without claims, because nothing is held up when it is data, and under them. Under claims nobody writes
    /// to a needed block of which nothing is kept, so a hole that is found then was one at the instant.
    /// </remarks>
    public long TryTakeZeroes(long block)
    {
        var end = HoleEnd(block);
        if (end <= block)
        {
            return 0;
        }

        var first = (int)(block >> 6);
        Span<ulong> words = stackalloc ulong[(int)((end - 1) >> 6) - first + 1];
        var claimedEnd = Claim(block, end, words);
        try
        {
            return claimedEnd > block ? Take(block, HoleEndBefore(claimedEnd, block)) : 0;
        }
        finally
        {
            for (var i = 0; i < words.Length && words[i] != 0; i++)
            {
                claims.ReleaseWord(first + i, words[i]);
            }
        }
    }

    private static ulong Mask(long first, long end) => (ulong.MaxValue << (int)(first & 63)) & (ulong.MaxValue >> (int)(63 - ((end - 1) & 63)));

    /// <summary>The ones of the set that follow its place in the mask without a gap.</summary>
    private static ulong Prefix(ulong set, ulong mask)
    {
        var low = BitOperations.TrailingZeroCount(mask);
        var length = BitOperations.TrailingZeroCount(~(set >> low));
        return length >= 64 ? set : set & (((1UL << length) - 1) << low);
    }

    /// <summary>End of the wanted blocks from this one on that lie in a hole; the block itself if there is data in it.</summary>
    private long HoleEnd(long block)
    {
        if (!need[block] || partlyKept[block] || geometry.OffsetOf(block) < Volatile.Read(ref _dataUntil))
        {
            return block;
        }

        var (isPending, end) = _pending.RunAt(block, Math.Min(geometry.BlockCount, block + RunBlocksMax));
        return isPending ? HoleEndBefore(end, block) : block;
    }

    /// <summary>End of the whole blocks of [block, limit) that lie in one hole.</summary>
    private long HoleEndBefore(long limit, long block)
    {
        var (offset, limitOffset) = (geometry.OffsetOf(block), Math.Min(geometry.SizeBytes, geometry.OffsetOf(limit)));
        try
        {
            var (start, end) = backing.NextData(offset, limitOffset);
            if (start <= offset)
            {
                Volatile.Write(ref _dataUntil, end);
            }

            return start >= limitOffset ? limit : Math.Max(block, geometry.IndexOf(start));
        }
        catch (FileLayerException)
        {
            // Reading the block reports whatever is wrong.
            return block;
        }
    }

    /// <summary>Needed blocks that no write has touched. Under the blocks' claims that stays so.</summary>
    private ulong Untouched(int word) => need.Word(word) & ~partlyKept.Word(word);

    /// <summary>Claims blocks of [block, end) up to the first that is not free, untouched and pending. Returns where that is.</summary>
    /// <param name="words">Gets what was claimed of each word, from the block's on.</param>
    private long Claim(long block, long end, Span<ulong> words)
    {
        for (var i = 0; i < words.Length; i++)
        {
            var word = (int)(block >> 6);
            var next = Math.Min(end, ((long)word + 1) << 6);
            var mask = Mask(block, next);
            words[i] = claims.ClaimWord(word, Prefix(Untouched(word) & _pending.Word(word) & mask, mask));
            var got = BitOperations.PopCount(Prefix(Untouched(word) & words[i], mask));
            block += got;
            if (block < next)
            {
                break;
            }
        }

        return block;
    }

    /// <summary>Takes claimed blocks. Another reader may have taken some: it waits for the claim and reads them itself. What follows such a block is given back.</summary>
    private long Take(long block, long end)
    {
        var taken = 0L;
        while (block + taken < end)
        {
            var first = block + taken;
            var word = (int)(first >> 6);
            var next = Math.Min(end, ((long)word + 1) << 6);
            var mask = Mask(first, next);
            var won = _pending.ClearWord(word, mask) & mask;
            var mine = Prefix(won, mask);
            if (won != mine)
            {
                _pending.MarkWord(word, won & ~mine);
            }

            need.ClearWord(word, mine);
            taken += BitOperations.PopCount(mine);
            if (mine != mask)
            {
                break;
            }
        }

        return taken;
    }
}
