using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage;
using ActorBackup.Storage.Trees;
using ActorBackup.Storage.Writing;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Backups;

/// <summary>A running job's checkpoints: blocks durable, then their tree durable, then the pair in the tracking file (rule 10).</summary>
internal sealed class JobCheckpoints(
    BackupSpec spec, TrackedDisk disk, TreeShape shape, BlockDigest firstRoot, DirtyBitmap? firstCopy, BlockSession session, CopyLedger ledger, JobErrors errors,
    TimeProvider clock, CopyGuards guards) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan HeavyInterval = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim _one = new(1);

    /// <summary>The root that holds every change taken from the ledger so far.</summary>
    public BlockDigest Root { get; private set; } = firstRoot;

    /// <summary>The copy bitmap that goes with <see cref="Root"/>; null before the first checkpoint.</summary>
    public DirtyBitmap? Copy { get; private set; } = firstCopy;

    /// <summary>Checkpoints every few seconds until it is cancelled; a failure ends it.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var due = clock.GetTimestamp();
        using var timer = new PeriodicTimer(HeavyInterval, clock);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            if (ledger.IsHeavy || clock.GetElapsedTime(due) >= Interval)
            {
                await TakePatientlyAsync(cancellation).ConfigureAwait(false);
                due = clock.GetTimestamp();
            }
        }
    }

    public void Dispose() => _one.Dispose();

    /// <summary>As <see cref="TakeAsync"/>, with the job's policy for errors of its target.</summary>
    public async Task TakePatientlyAsync(CancellationToken cancellation)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                await TakeAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (StorageException e) when (session.Fault is null)
            {
                if (await errors.OnTargetAsync(Failures.Explain(e), failures, cancellation).ConfigureAwait(false) != ErrorVerdict.Retry)
                {
                    throw;
                }
            }
        }
    }

    /// <summary>Makes everything that was stored so far part of the tree, and the pair durable.</summary>
    /// <param name="cancellation">Ends the waiting for the repository.</param>
    /// <param name="isLast">The pair is for another run, so the tracking file gets it in any case.</param>
    public async Task TakeAsync(CancellationToken cancellation, bool isLast = false)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await session.FlushAsync(cancellation).ConfigureAwait(false);
            var (changes, copy) = ledger.Take();
            if (changes.Count == 0 && Copy is not null && Copy.Count() == copy.Count() && !isLast)
            {
                return;
            }

            try
            {
                var root = changes.Count == 0
                    ? Root
                    : await ImageTreeUpdater.ApplyAsync(shape, Root, changes, session.Nodes, cancellation).ConfigureAwait(false);
                if (guards.TreeBeforePair)
                {
                    await session.FlushAsync(cancellation).ConfigureAwait(false);
                }

                if (!guards.PairBeforeItCounts)
                {
                    (Root, Copy) = (root, copy);
                }

                // A job of a group votes with its pair, and its point may become the base of a bitmap that it does not name.
                if (spec.Bitmap is not null || spec.Group is not null || !spec.AutoFinalize || isLast)
                {
                    await disk.StoreCheckpointAsync(spec.Id, copy, root).ConfigureAwait(false);
                }

                Root = root;
                Copy = copy;
            }
            catch
            {
                ledger.PutBack(guards.PutBackChanges ? changes : []);
                throw;
            }
        }
        finally
        {
            _one.Release();
        }
    }
}
