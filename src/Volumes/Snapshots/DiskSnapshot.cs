using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Volumes.Backings;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>The disk as it was at a job's instant, block by block, while the guest goes on writing.</summary>
/// <remarks>
/// A block is needed until its bytes of the instant were read or kept. Whoever moves it, a reader or a guest's write that is about to overwrite it,
/// claims it first, then looks whether it is still needed, moves the bytes, says that it is not needed any more, and releases the claim. A guest's
/// write may pass a block if it is not needed and not claimed, looked at in this order: "not needed" proves that the move has at least reached its end,
/// and "not claimed" afterwards that nobody reads the source for it. In the other order a reader could claim in between and read half of the write.
///
/// A write that touches a small part of a block keeps that part only. The block stays needed; what is kept of it wins over what the source has, so writes to
/// those parts pass whoever reads the source. When all parts are kept the block is not needed any more.
///
/// Readers own what they got: the source must not be read for a block twice (rule 9). A kept block can be read again until it is released.
/// The guest waits for local reads and scratch only, never for a repository.
/// </remarks>
public sealed partial class DiskSnapshot : IAsyncDisposable
{
    private readonly IBacking _backing;
    private readonly IScheduler _scheduler;
    private readonly TimeProvider _time;
    private readonly CaptureStore _store;
    private readonly BlockClaims _claims;
    private readonly Func<DiskSnapshot, Task> _conclude;
    private readonly BlockParts _parts;
    private readonly DirtyBitmap _need;

    /// <summary>Needed blocks of which a part is kept: their bytes of the instant are in two places. Only changed under the block's claim.</summary>
    private readonly DirtyBitmap _partlyKept;
    private readonly SnapshotCursor _cursor;
    private DirtyBitmap? _givenUp;
    private bool _isProtecting = true;
    private VolumeException? _broken;

    internal DiskSnapshot(
        SnapshotRequest request,
        BlockGeometry geometry,
        IBacking backing,
        CaptureStore store,
        IScheduler scheduler,
        TimeProvider time,
        Func<DiskSnapshot, Task> conclude)
    {
        (Request, _backing, _store, _scheduler, _time, _conclude) = (request, backing, store, scheduler, time, conclude);
        _parts = new BlockParts((int)geometry.BlockBytes);
        (_need, _partlyKept) = (new DirtyBitmap(geometry), new DirtyBitmap(geometry));
        _claims = new BlockClaims(geometry, scheduler);
        CopyList = new DirtyBitmap(geometry);
        _cursor = new SnapshotCursor(geometry, _need, _partlyKept, _claims, backing);
    }

    public JobId JobId => Request.JobId;

    /// <summary>How it was asked for; of a resumed one without the bitmaps that it froze.</summary>
    public SnapshotRequest Request { get; }

    public BlockGeometry Geometry => _need.Geometry;

    /// <summary>What the job was told to copy. Not changed afterwards: clone it as the live copy bitmap.</summary>
    public DirtyBitmap CopyList { get; }

    /// <summary>Blocks that could not be read and that nobody will copy, of earlier runs too; null = none. Not to be changed.</summary>
    public DirtyBitmap? GivenUp => Volatile.Read(ref _givenUp);

    /// <summary>Why the snapshot is worthless; null = it is good.</summary>
    public VolumeException? Broken => Volatile.Read(ref _broken);

    /// <summary>Kept blocks in memory.</summary>
    public long MemoryBytes => _store.MemoryBytes;

    /// <summary>Kept blocks in the scratch file.</summary>
    public long ScratchBytes => _store.ScratchBytes;

    /// <summary>Hands out blocks that nobody got yet. For any number of readers at once.</summary>
    /// <param name="buffer">Takes one block.</param>
    /// <param name="cancellation">Between blocks and while waiting for a guest's write.</param>
    /// <exception cref="VolumeException">The snapshot is broken.</exception>
    public async ValueTask<SnapshotBlock> ReadNextAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            ThrowIfBroken();
            if (!Request.IsAscending && _store.IsPressed && _store.TryTakeUnread(out var kept))
            {
                if (_cursor.TryTake(kept))
                {
                    return await ReadAsync(kept, buffer, cancellation).ConfigureAwait(false);
                }

                continue;
            }

            var block = _cursor.Peek();
            if (block < 0)
            {
                return default;
            }

            if (_cursor.TryTakeZeroes(block) is > 0 and var zeroes)
            {
                ThrowIfBroken();
                return new SnapshotBlock(SnapshotBlockKind.Zero, block, zeroes);
            }

            if (_cursor.TryTake(block))
            {
                return await ReadAsync(block, buffer, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Reads one block of the copy list: from what was kept, else from the source.</summary>
    /// <exception cref="InvalidOperationException">The block was read before and not kept, so its bytes are the earlier reader's.</exception>
    /// <exception cref="VolumeException">The snapshot is broken, or the scratch file cannot be read.</exception>
    public async ValueTask<SnapshotBlock> ReadAsync(long blockIndex, Memory<byte> buffer, CancellationToken cancellation)
    {
        await ClaimAsync(blockIndex, cancellation).ConfigureAwait(false);
        try
        {
            ThrowIfBroken();
            var block = _need[blockIndex] ? await ReadSourceAsync(blockIndex, buffer).ConfigureAwait(false) : ReadKept(blockIndex, buffer.Span);

            // A write that broke the snapshot did not wait for the claim. It says so before it touches the source, so bytes read before that are good.
            ThrowIfBroken();
            return block;
        }
        finally
        {
            _claims.Release(blockIndex);
        }
    }

    /// <summary>The block cannot be read and nobody will copy it: guests may overwrite it without its being kept.</summary>
    public async ValueTask GiveUpAsync(long blockIndex, CancellationToken cancellation)
    {
        await ClaimAsync(blockIndex, cancellation).ConfigureAwait(false);
        LazyInitializer.EnsureInitialized(ref _givenUp, () => new DirtyBitmap(Geometry)).Mark(blockIndex);
        _need.Clear(blockIndex);
        _claims.Release(blockIndex);
        _store.Release(blockIndex);
    }

    /// <summary>Somebody else keeps the block's bytes from now on, until they are durable in the repository.</summary>
    public void Release(long blockIndex) => _store.Release(blockIndex);

    /// <summary>Ends copy-before-write and deletes the scratch file. Readers have stopped. Bitmaps are not touched: that is settling.</summary>
    public async ValueTask DisposeAsync() => await _conclude(this).ConfigureAwait(false);

    /// <summary>Sets the copy list, while writes are held.</summary>
    internal void Install(DirtyBitmap? blocks)
    {
        if (blocks is null)
        {
            CopyList.MarkAll();
        }
        else
        {
            CopyList.UnionWith(blocks);
        }

        _need.UnionWith(CopyList);
        _cursor.Install(CopyList);
    }

    /// <summary>The opening of the disk in which the job's run let go of the snapshot; null = a run reads it. Changed by one command at a time.</summary>
    internal ulong? SuspendedAt { get; set; }

    /// <summary>Goes on where an earlier process stopped; nobody uses the snapshot yet.</summary>
    /// <param name="copyList">What the job was told to copy.</param>
    /// <param name="copy">What of it is left.</param>
    /// <param name="givenUp">What of that nobody can read.</param>
    /// <param name="kept">What of that is in the scratch file. All else is on the source as it was at the instant.</param>
    /// <param name="isProtecting">False only in a simulation that shall notice it.</param>
    internal void Resume(DirtyBitmap copyList, DirtyBitmap copy, DirtyBitmap? givenUp, IReadOnlyCollection<KeptBlock> kept, bool isProtecting)
    {
        CopyList.UnionWith(copyList);
        _need.UnionWith(copy);
        _givenUp = givenUp;
        ExceptGivenUp(_need);
        _cursor.Install(_need);
        foreach (var block in kept)
        {
            if (block.Parts == _parts.All)
            {
                _need.Clear(block.Block);
            }
            else
            {
                _partlyKept.Mark(block.Block);
            }
        }

        _store.Adopt(kept);
        _isProtecting = isProtecting;
    }

    /// <summary>Moves what is kept in memory on to the scratch file and syncs it, so that the closing has little left to do.</summary>
    /// <exception cref="VolumeException">It cannot be synced.</exception>
    internal async Task SpillAsync()
    {
        if (await _store.SpillAsync().ConfigureAwait(false))
        {
            try
            {
                await _store.SyncAsync().ConfigureAwait(false);
            }
            catch (FileLayerException e)
            {
                throw Failures.ToVolume(e, $"The scratch file of job {JobId} cannot be synced", "Check the device that holds it.");
            }
        }
    }

    /// <summary>Makes everything that the snapshot needs in another process durable beside the disk and the tracking file. No write is inside, and nobody reads.</summary>
    /// <param name="copy">What is left to copy, by the durable pair.</param>
    /// <param name="mustOwn">False only in a simulation that shall notice it.</param>
    /// <param name="describe">Makes the index: of so many slots, with what was given up and what is kept.</param>
    /// <returns>Null when it cannot go on in another process: it is broken, or some of these blocks' bytes of the instant are nowhere (rule 9).</returns>
    internal async Task<SuspendedNote?> StoreAsync(
        DirtyBitmap copy, bool mustOwn, Func<long, IReadOnlyList<(long First, long End)>, IReadOnlyList<KeptBlock>, ScratchIndex> describe)
    {
        if (Broken is not null || !await _store.SpillAsync().ConfigureAwait(false))
        {
            return null;
        }

        // A capture that its guest gave up waiting for may still be at work: it keeps the block first, then says that it is not needed any more.
        var slots = _store.Freeze();
        var need = _need.Clone();
        if (_store.List() is not { } all)
        {
            return null;
        }

        var kept = all.Where(k => copy[k.Block] && (k.Parts == _parts.All || need[k.Block])).ToList();
        return LacksNothing(copy, need, kept.Where(k => k.Parts == _parts.All).Select(k => k.Block)) || !mustOwn
            ? await _store.StoreIndexAsync(JobId, describe(slots, [.. GivenUp?.Runs() ?? []], kept)).ConfigureAwait(false)
            : null;
    }

    /// <summary>Whether every block is on the source as it was at the instant, or kept, or given up.</summary>
    internal bool LacksNothing(DirtyBitmap copy)
    {
        // In this order: a guest's write keeps a block before it says that it is not needed any more.
        var need = _need.Clone();
        return LacksNothing(copy, need, _store.Blocks());
    }

    internal void Break(VolumeException reason) => Interlocked.CompareExchange(ref _broken, reason, null);

    internal Task CloseStoreAsync(bool keepScratch = false) => _store.CloseAsync(keepScratch);

    private bool LacksNothing(DirtyBitmap copy, DirtyBitmap need, IEnumerable<long> kept)
    {
        var lacking = copy.Clone();
        lacking.ExceptWith(need);
        ExceptGivenUp(lacking);
        foreach (var block in kept)
        {
            lacking.Clear(block);
        }

        return lacking.IsEmpty();
    }

    private void ExceptGivenUp(DirtyBitmap blocks)
    {
        if (GivenUp is { } givenUp)
        {
            blocks.ExceptWith(givenUp);
        }
    }

    private async ValueTask ClaimAsync(long blockIndex, CancellationToken cancellation)
    {
        while (!_claims.TryClaim(blockIndex))
        {
            await _claims.WaitAsync(blockIndex).WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask<SnapshotBlock> ReadSourceAsync(long block, Memory<byte> buffer)
    {
        try
        {
            await FillFromSourceAsync(block, _parts.All, buffer).ConfigureAwait(false);
        }
        catch (FileLayerException e)
        {
            return new SnapshotBlock(SnapshotBlockKind.Unreadable, block, 1, e.Message);
        }

        if (_partlyKept[block])
        {
            FillInKept(block, buffer.Span);
        }

        _need.Clear(block);
        if (_partlyKept[block])
        {
            _store.Release(block);
        }

        return new SnapshotBlock(SnapshotBlockKind.Data, block, 1);
    }

    private SnapshotBlock ReadKept(long block, Span<byte> buffer)
    {
        try
        {
            return _store.TryRead(block, buffer, out var isZero)
                ? new SnapshotBlock(isZero ? SnapshotBlockKind.Zero : SnapshotBlockKind.Data, block, 1)
                : throw new InvalidOperationException($"Block {block} of job {JobId} is not kept: it was read before, or it is not in the copy list.");
        }
        catch (FileLayerException e)
        {
            throw LostKept(e);
        }
    }

    private void FillInKept(long block, Span<byte> buffer)
    {
        try
        {
            _store.FillIn(block, buffer);
        }
        catch (FileLayerException e)
        {
            throw LostKept(e);
        }
    }

    private VolumeException LostKept(FileLayerException e) => Failures.ToVolume(e, $"A kept block of job {JobId} is lost", "The job cannot finish; start it again.");

    /// <summary>Reads these parts of the block. What the last block has beyond the disk's end is zero.</summary>
    private async ValueTask FillFromSourceAsync(long block, ulong parts, Memory<byte> buffer)
    {
        var length = (int)Geometry.LengthOf(block);
        for (var left = parts; left != 0;)
        {
            var (start, end) = _parts.FirstRun(left);
            var readEnd = Math.Clamp(length, start, end);
            if (readEnd > start)
            {
                await _backing.ReadAsync(Geometry.OffsetOf(block) + start, buffer[start..readEnd]).ConfigureAwait(false);
            }

            buffer[readEnd..end].Span.Clear();
            left &= ~_parts.Touched(start, end);
        }
    }

    private void ThrowIfBroken()
    {
        if (Broken is { } broken)
        {
            throw new VolumeException(broken.Error, broken.Message, broken);
        }
    }
}
