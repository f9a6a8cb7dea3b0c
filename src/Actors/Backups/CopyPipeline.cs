using System.Buffers;
using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Writing;
using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Actors.Backups;

/// <summary>Moves a snapshot's blocks into a repository: several workers read, hash and store, each in batches of its own.</summary>
/// <remarks>Memory: workers × <see cref="BatchBytes"/> (one block where that is larger), besides what the session and the snapshot keep.</remarks>
internal sealed class CopyPipeline(BackupSpec spec, DiskSnapshot snapshot, BlockSession session, CopyLedger ledger, JobControl control, JobProgress progress, JobErrors errors, TimeProvider clock)
{
    private const int BatchBytes = 1024 * 1024;
    private const int BatchBlocksMax = 64;
    private const int SourceRetries = 2;
    private const int PatientBlocks = 16;
    private const int WorkersMax = 16;

    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(50);

    private readonly DirtyBitmap _bad = snapshot.GivenUp?.Clone() ?? new DirtyBitmap(snapshot.Geometry);
    private int _badCount;

    /// <summary>What could not be read, ascending and coalesced.</summary>
    public IReadOnlyList<Extent> BadExtents => [.. _bad.Extents()];

    /// <summary>Completes when every block of the copy list was handed to the session, or fails with the first failure.</summary>
    /// <returns>False when the job is being suspended: some blocks may be left, and nobody has read them.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var workers = spec.Workers > 0 ? Math.Min(spec.Workers, WorkersMax) : Math.Clamp(Environment.ProcessorCount, 2, 8);
        var tasks = Enumerable.Range(0, workers).Select(_ => Task.Run(() => WorkAsync(stop.Token), CancellationToken.None)).ToList();
        Exception? first = null;
        var isDone = true;
        while (tasks.Count > 0)
        {
            var ended = await Task.WhenAny(tasks).ConfigureAwait(false);
            tasks.Remove(ended);
            isDone &= ended.IsCompletedSuccessfully && ended.Result;
            if (!ended.IsCompletedSuccessfully && first is null)
            {
                first = ended.Exception?.InnerException ?? new OperationCanceledException(cancellation);
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }

        return first is null ? isDone : throw first;
    }

    private async Task<bool> WorkAsync(CancellationToken cancellation)
    {
        var blockBytes = (int)snapshot.Geometry.BlockBytes;
        var capacity = spec.Workers == 1 ? 1 : Math.Clamp(BatchBytes / blockBytes, 1, BatchBlocksMax);
        byte[] buffer = [];
        var batch = new BlockToStore[capacity];
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, control.Suspending);
        try
        {
            var count = 0;
            SnapshotBlock? next;
            while (true)
            {
                if (control.Gate.IsPaused)
                {
                    // It may stay so for days: what was read is the session's from now on, and the memory somebody else's.
                    await StoreAsync(batch.AsMemory(0, count), cancellation).ConfigureAwait(false);
                    count = 0;
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = [];
                    if (!await ResumedAsync(stop.Token, cancellation).ConfigureAwait(false))
                    {
                        return false;
                    }
                }

                buffer = buffer.Length > 0 ? buffer : ArrayPool<byte>.Shared.Rent(capacity * blockBytes);
                var slot = buffer.AsMemory(count * blockBytes, blockBytes);
                next = await NextAsync(slot, stop.Token, cancellation).ConfigureAwait(false);
                if (next is not { Kind: not SnapshotBlockKind.End } block)
                {
                    break;
                }

                if (block.Kind == SnapshotBlockKind.Data)
                {
                    batch[count++] = new BlockToStore(block.First, BlockDigests.Of(slot.Span), slot);
                    if (count == capacity)
                    {
                        await StoreAsync(batch.AsMemory(0, count), cancellation).ConfigureAwait(false);
                        count = 0;
                    }
                }
            }

            await StoreAsync(batch.AsMemory(0, count), cancellation).ConfigureAwait(false);
            return next is not null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>True when the job may go on; false when it is being suspended.</summary>
    private async ValueTask<bool> ResumedAsync(CancellationToken pausing, CancellationToken cancellation)
    {
        try
        {
            await control.Gate.PassAsync(pausing).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && pausing.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>The next block of data or the end, at the job's rate; null when it is being suspended. What was read is always returned.</summary>
    private async ValueTask<SnapshotBlock?> NextAsync(Memory<byte> slot, CancellationToken pausing, CancellationToken cancellation)
    {
        try
        {
            await control.Rate.TakeAsync(slot.Length, pausing).ConfigureAwait(false);
            return await ReadAsync(slot, pausing).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && pausing.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>The next block of data or the end; zeroes and bad blocks are dealt with here.</summary>
    private async ValueTask<SnapshotBlock> ReadAsync(Memory<byte> slot, CancellationToken cancellation)
    {
        while (true)
        {
            var block = await snapshot.ReadNextAsync(slot, cancellation).ConfigureAwait(false);
            if (block.Kind == SnapshotBlockKind.Unreadable)
            {
                block = await RetryAsync(block, slot, cancellation).ConfigureAwait(false);
            }

            switch (block.Kind)
            {
                case SnapshotBlockKind.Unreadable:
                    // Given up.
                    continue;
                case SnapshotBlockKind.Data when !slot.Span.ContainsAnyExcept((byte)0):
                    Zero(block.First, 1);
                    continue;
                case SnapshotBlockKind.Zero:
                    Zero(block.First, block.Count);
                    continue;
                default:
                    return block;
            }
        }
    }

    private async ValueTask StoreAsync(ReadOnlyMemory<BlockToStore> batch, CancellationToken cancellation)
    {
        if (batch.IsEmpty)
        {
            return;
        }

        var stored = await session.StoreAsync(batch, cancellation).ConfigureAwait(false);
        progress.AddSent(stored.SentBytes);
        progress.AddReused(stored.ReusedBytes);

        // From here on the session has the bytes of the instant (rule 9).
        foreach (var block in batch.Span)
        {
            snapshot.Release(block.Block);
        }
    }

    private void Zero(long first, long count)
    {
        ledger.Zero(first, count);
        var bytes = Math.Min(snapshot.Geometry.SizeBytes, snapshot.Geometry.OffsetOf(first + count)) - snapshot.Geometry.OffsetOf(first);
        progress.AddZero(bytes);
        progress.AddDone(bytes);
        if (count == 1)
        {
            // It may have been kept before a guest's write; runs come from holes and never were.
            snapshot.Release(first);
        }
    }

    /// <summary>Reads the block again as often as the policy wants. Still unreadable = it was given up.</summary>
    private async ValueTask<SnapshotBlock> RetryAsync(SnapshotBlock block, Memory<byte> slot, CancellationToken cancellation)
    {
        while (true)
        {
            for (var retry = 0; block.Kind == SnapshotBlockKind.Unreadable && retry < SourceRetries; retry++)
            {
                if (Volatile.Read(ref _badCount) < PatientBlocks)
                {
                    await Task.Delay(FirstBackOff * Math.ScaleB(1, 2 * retry), clock, cancellation).ConfigureAwait(false);
                }

                block = await snapshot.ReadAsync(block.First, slot, cancellation).ConfigureAwait(false);
            }

            if (block.Kind != SnapshotBlockKind.Unreadable)
            {
                return block;
            }

            var why = Unreadable(block);
            switch (await errors.OnSourceAsync(why, cancellation).ConfigureAwait(false))
            {
                case ErrorVerdict.Skip:
                    Interlocked.Increment(ref _badCount);
                    _bad.Mark(block.First);
                    await snapshot.GiveUpAsync(block.First, cancellation).ConfigureAwait(false);
                    return block;
                case ErrorVerdict.Fail:
                    _bad.Mark(block.First);
                    throw new RefusedException(why);
                default:
                    block = await snapshot.ReadAsync(block.First, slot, cancellation).ConfigureAwait(false);
                    break;
            }
        }
    }

    private Refusal Unreadable(SnapshotBlock block)
    {
        var extent = snapshot.Geometry.ExtentOf(block.First);
        return new Refusal(
            RefusalCode.IoError,
            $"the disk cannot be read at offset {extent.Offset} ({extent.Length} bytes): {block.Error}; repair the source, or go past it with '--on-source-error ignore'");
    }
}
