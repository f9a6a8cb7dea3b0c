using System.Numerics;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Volumes.Snapshots;

/// <content>Copy-before-write: what a guest is about to overwrite is kept, if it is still needed.</content>
public sealed partial class DiskSnapshot
{
    /// <summary>Whether a write may go on without waiting. The caller is inside the gate.</summary>
    internal bool MayPass(long offset, long length)
    {
        var (first, end) = Geometry.Touched(offset, length);
        return NextUnsafe(first, end) < 0 || Broken is not null || !_isProtecting;
    }

    /// <summary>Keeps every needed block of the range.</summary>
    /// <exception cref="BlockDeviceException">A block could not be kept, and the policy is to fail the write.</exception>
    internal async ValueTask ProtectAsync(long offset, long length)
    {
        if (Request.CaptureTimeout is not { } timeout)
        {
            await ProtectRangeAsync(offset, length, inline: true).ConfigureAwait(false);
            return;
        }

        try
        {
            // What is late goes on by itself; it does no harm, since it moves only bytes that nobody has overwritten, or the snapshot is broken.
            await ProtectRangeAsync(offset, length, inline: false).AsTask().WaitAsync(timeout, _time).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            Fail(Geometry.IndexOf(offset), new VolumeException(VolumeError.InputOutput, $"Keeping the blocks took longer than {timeout}", e));
        }
    }

    private async ValueTask ProtectRangeAsync(long offset, long length, bool inline)
    {
        var (first, end) = Geometry.Touched(offset, length);
        while (NextUnsafe(first, end) is >= 0 and var block && Broken is null)
        {
            if (!_claims.TryClaim(block))
            {
                await _claims.WaitAsync(block).ConfigureAwait(false);
                continue;
            }

            try
            {
                if (!inline)
                {
                    await Scheduling.SchedulerExtensions.RunAsync(_scheduler, () => { }).ConfigureAwait(false);
                }

                await CaptureAsync(block, offset, length).ConfigureAwait(false);
            }
            finally
            {
                _claims.Release(block);
            }

            // What the write touches of the block is kept, or the block is not needed any more: neither changes back.
            first = block + 1;
        }
    }

    /// <summary>The first block that is needed or claimed; -1 when there is none. Need is read before claims, see the remarks.</summary>
    private long NextUnsafe(long first, long end)
    {
        while (first < end)
        {
            var word = (int)(first >> 6);
            var mask = ulong.MaxValue << (int)(first & 63);
            if (end >> 6 == word)
            {
                mask &= (1UL << (int)(end & 63)) - 1;
            }

            var bits = _need.Word(word) & mask;
            bits |= _claims.Word(word) & mask;
            if (bits != 0)
            {
                return ((long)word << 6) + BitOperations.TrailingZeroCount(bits);
            }

            first = ((long)word + 1) << 6;
        }

        return -1;
    }

    /// <summary>Keeps what a write is about to touch of the block, if it is still needed. The caller holds its claim.</summary>
    private async ValueTask CaptureAsync(long block, long offset, long length)
    {
        if (!_need[block] || Broken is not null)
        {
            return;
        }

        var kept = _store.PartsOf(block);
        var missing = PartsFor(block, offset, length, kept) & ~kept;
        if (missing == 0)
        {
            return;
        }

        var buffer = _store.Rent();
        var taken = false;
        try
        {
            await FillFromSourceAsync(block, missing, buffer).ConfigureAwait(false);
            var isWhole = (kept | missing) == _parts.All;
            if (!isWhole)
            {
                _partlyKept.Mark(block);
            }

            taken = _store.Put(block, buffer, missing);
            if (isWhole)
            {
                _need.Clear(block);
            }
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            Fail(block, e);
        }
        finally
        {
            if (!taken)
            {
                _store.Return(buffer);
            }
        }
    }

    /// <summary>What shall be kept of the block: the parts that the write touches, or all when half of them would be.</summary>
    private ulong PartsFor(long block, long offset, long length, ulong kept)
    {
        var start = Math.Max(0, offset - Geometry.OffsetOf(block));
        var end = Math.Min(Geometry.BlockBytes, offset + length - Geometry.OffsetOf(block));
        var parts = _parts.Touched(start, end);
        return BitOperations.PopCount(parts | kept) * 2 >= _parts.Count ? _parts.All : parts;
    }

    /// <summary>Applies the policy to a block that could not be kept.</summary>
    private void Fail(long block, Exception e)
    {
        var extent = Geometry.ExtentOf(block);
        var what = $"The {extent.Length} bytes at {extent.Offset} could not be kept before a write: {e.Message}";
        if (Request.OnCaptureError == CaptureErrorPolicy.BreakGuestWrite)
        {
            throw new BlockDeviceException(Failures.ToGuest(e).Error, what, e);
        }

        Break(new VolumeException(
            VolumeError.SnapshotBroken,
            $"{what}. Job {JobId} has lost its instant; give it more memory, a scratch directory or more room there, and start it again.",
            e));
    }
}
