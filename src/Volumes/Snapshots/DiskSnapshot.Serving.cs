using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Files;

namespace ActorBackup.Volumes.Snapshots;

/// <content>Reading the instant as often as somebody likes: a block stays needed, or kept, until it is forgotten.</content>
public sealed partial class DiskSnapshot
{
    private const long HoleBlocksMax = 4096;

    private DirtyBitmap? _forgotten;

    /// <summary>The instant as a device that can be read. It lives as long as the snapshot.</summary>
    public IBlockDevice Serve() => new InstantDevice(this);

    /// <summary>Reads a part of one block. A guest's write to that block waits as long as this takes, and to no other.</summary>
    /// <param name="block">Of the copy list.</param>
    /// <param name="start">Bytes from the block's begin.</param>
    /// <param name="buffer">Gets the bytes; ends within the block.</param>
    /// <param name="cancellation">While waiting for a guest's write.</param>
    /// <exception cref="VolumeException">The snapshot is broken, or the block was forgotten or cannot be read.</exception>
    internal async ValueTask PeekAsync(long block, int start, Memory<byte> buffer, CancellationToken cancellation)
    {
        await ClaimAsync(block, cancellation).ConfigureAwait(false);
        try
        {
            ThrowIfUnreadable(block);
            if (_need[block] && _partlyKept[block])
            {
                await PeekPartlyKeptAsync(block, start, buffer).ConfigureAwait(false);
            }
            else if (_need[block])
            {
                await _backing.ReadAsync(Geometry.OffsetOf(block) + start, buffer).ConfigureAwait(false);
            }
            else
            {
                PeekKept(block, start, buffer.Span);
            }

            // A write that broke the snapshot did not wait for the claim.
            ThrowIfBroken();
        }
        catch (FileLayerException e)
        {
            throw Failures.ToVolume(e, $"A block of job {JobId} cannot be read", "Check the disk's backing.");
        }
        finally
        {
            _claims.Release(block);
        }
    }

    /// <summary>Nobody wants the block any more: it is not kept for it, and what was kept goes.</summary>
    internal async ValueTask ForgetAsync(long block, CancellationToken cancellation)
    {
        await ClaimAsync(block, cancellation).ConfigureAwait(false);
        LazyInitializer.EnsureInitialized(ref _forgotten, () => new DirtyBitmap(Geometry)).Mark(block);
        _need.Clear(block);
        _claims.Release(block);
        _store.Release(block);
    }

    /// <summary>Blocks from this one on that were zero at the instant: where the source has a hole and nobody has written since. 0 = look at it.</summary>
    internal long HoleAt(long block, long end)
    {
        // Under claims nobody writes to a needed block of which nothing is kept, so a hole that is found then was one at the instant, and that never changes.
        end = Math.Min(end, block + HoleBlocksMax);
        var claimed = block;
        while (claimed < end && IsUntouched(claimed) && _claims.TryClaim(claimed))
        {
            claimed++;
        }

        try
        {
            return claimed == block ? 0 : HoleBlocks(block, claimed);
        }
        finally
        {
            for (var taken = block; taken < claimed; taken++)
            {
                _claims.Release(taken);
            }
        }
    }

    private long HoleBlocks(long block, long end)
    {
        for (var needed = block; needed < end; needed++)
        {
            if (!IsUntouched(needed))
            {
                end = needed;
            }
        }

        var limit = Math.Min(Geometry.SizeBytes, Geometry.OffsetOf(end));
        try
        {
            var data = end > block ? _backing.NextData(Geometry.OffsetOf(block), limit).Start : 0;
            return data >= limit ? end - block : Math.Max(0, Geometry.IndexOf(data) - block);
        }
        catch (FileLayerException)
        {
            return 0;
        }
    }

    private bool IsUntouched(long block) => _need[block] && !_partlyKept[block];

    private async ValueTask PeekPartlyKeptAsync(long block, int start, Memory<byte> buffer)
    {
        var whole = _store.Rent();
        try
        {
            await _backing.ReadAsync(Geometry.OffsetOf(block) + start, whole.AsMemory(start, buffer.Length)).ConfigureAwait(false);
            FillInKept(block, whole);
            whole.AsMemory(start, buffer.Length).CopyTo(buffer);
        }
        finally
        {
            _store.Return(whole);
        }
    }

    private void PeekKept(long block, int start, Span<byte> buffer)
    {
        var whole = _store.Rent();
        try
        {
            if (ReadKept(block, whole).Kind == SnapshotBlockKind.Zero)
            {
                buffer.Clear();
            }
            else
            {
                whole.AsSpan(start, buffer.Length).CopyTo(buffer);
            }
        }
        finally
        {
            _store.Return(whole);
        }
    }

    private void ThrowIfUnreadable(long block)
    {
        ThrowIfBroken();
        if (Volatile.Read(ref _forgotten)?[block] == true)
        {
            throw new VolumeException(VolumeError.Invalid, $"The block at {Geometry.OffsetOf(block)} was discarded: a reader of job {JobId} said that nobody needs it any more.");
        }
    }
}
