using ActorBackup.Actors;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Storage;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>A backup from its instant to its point over the shipped snapshot, as the shipped run does it.</summary>
internal sealed class BackupJob(World world, DiskProcess process, BackupSpec spec) : IRunningJob
{
    private JobCopy? _copy;
    private SimPoint? _base;

    public BackupControl Control { get; } = new();

    public BackupSpec Spec => spec;

    public void Cancel(bool force) => Control.Cancel(force);

    public void Suspend() => Control.IsSuspending = true;

    public void Abandon()
    {
        // Its end is not heard once the process stops.
    }

    /// <summary>It left its snapshot to the next process.</summary>
    public bool IsSuspended { get; private set; }

    public async Task RunAsync(bool isResumed = false)
    {
        BackupEnded ended;
        try
        {
            if (await SnapshotAndCopyAsync(isResumed) is not { } end)
            {
                return;
            }

            ended = end;
        }
        catch (Exception e) when (IsExpected(e))
        {
            ended = Ended(Control.IsCancelled ? JobOutcome.Cancelled : JobOutcome.Failed, null, false, false);
        }

        world.Trace.Add($"job ended {ended.End.Outcome}", ended.End.Point is null ? 0 : 1, ended.IsPointUnpublished ? 1 : 0);
        if (!process.IsStopping)
        {
            process.Tell(() => new Conclusions(world, process).ConcludeAsync(ended));
        }
    }

    public static bool IsExpected(Exception e) => e is VolumeException or RepositoryAway or RefusedException or StorageException;

    /// <summary>Null when it was suspended.</summary>
    private async Task<BackupEnded?> SnapshotAndCopyAsync(bool isResumed)
    {
        if (isResumed)
        {
            var adopted = await process.Disk.TryAdoptAsync(spec.Id) ?? throw new VolumeException(VolumeError.SnapshotBroken, "lost");
            process.Disk.TryGetCheckpoint(spec.Id, out var pair);
            return await CopyAsync(adopted, pair);
        }

        FindBase();
        var snapshot = await process.Disk.StartSnapshotAsync(Request(), CancellationToken.None);

        // This is the instant: nothing has run since writes were held.
        world.Instants[spec.Id] = new Dictionary<long, byte[]>(world.Machine.Backing.Cache);
        world.Trace.Add("instant", world.Instants[spec.Id].Count);
        if (spec.Bitmap is not null)
        {
            world.Shadows[spec.BitmapSet].Freeze(spec.Id);
        }

        return await CopyAsync(snapshot, null);
    }

    private void FindBase()
    {
        if (spec.Base is { } basePoint)
        {
            _base = world.Toy.Find(process.Number, basePoint) ?? throw new RepositoryAway();
        }
    }

    private async Task<BackupEnded?> CopyAsync(DiskSnapshot snapshot, JobCheckpoint? pair)
    {
        var isCopied = false;
        try
        {
            if (pair is not null)
            {
                FindBase();
            }

            _copy = new JobCopy(world, process, this, snapshot, _base?.Tree ?? SimTree.Empty, pair);
            isCopied = await _copy.RunAsync();
            if (!isCopied && Control is { IsSuspending: true, IsCancelled: false } && !_copy.HasFailed)
            {
                await SuspendAsync(snapshot);
            }
        }
        finally
        {
            if (!IsSuspended)
            {
                await snapshot.DisposeAsync();
            }
        }

        return IsSuspended || (Control.IsSuspending && !isCopied) ? null : await ConcludeAsync(isCopied);
    }

    /// <summary>Without a pair of what was read last, as when the repository hangs, the disk must refuse.</summary>
    private async Task SuspendAsync(DiskSnapshot snapshot)
    {
        try
        {
            if (!world.Dice.Chance(0.2) && !await _copy!.TryCheckpointAsync(isLast: true))
            {
                return;
            }

            await process.Disk.SuspendAsync(snapshot);
            IsSuspended = true;
            world.Statistics.Suspended++;
            var suspended = new SuspendedJob(process.Disk.Generation, world.Machine.Now, JobStatistics.Empty, 0, false, null, null);
            process.Tell(() => process.RecordAsync(new DiskEvent.JobSuspended(spec.Id, suspended)));
        }
        catch (VolumeException e)
        {
            world.Trace.Add("suspending failed: " + e.Message);
        }
    }

    private SnapshotRequest Request() =>
        new()
        {
            JobId = spec.Id,
            Freeze = spec.Bitmap is null ? [] : [new FrozenBitmap(spec.BitmapSet, spec.SuccessorSet)],
            CopyBitmapId = spec.Sync == SyncMode.Bitmap ? spec.BitmapSet : null,
            OnCaptureError = spec.BreakGuestWrite ? CaptureErrorPolicy.BreakGuestWrite : CaptureErrorPolicy.BreakSnapshot,
            MemoryBudgetBytes = world.Geometry.BlockBytes * (spec.Id.Value[^1] % 2 == 0 ? 3 : 8),
            ScratchDirectory = Machine.ScratchPath,
            ScratchLimitBytes = world.Geometry.BlockBytes * 200,
        };

    private async Task<BackupEnded> ConcludeAsync(bool isCopied)
    {
        if (!isCopied && !Control.IsForced && spec.Policy == BitmapSyncPolicy.Always)
        {
            await _copy!.TryCheckpointAsync();
        }

        Control.IsEnding = true;
        await process.PauseAsync();
        if (isCopied && !Control.IsCancelled)
        {
            return await PublishAsync();
        }

        return Control.IsForced
            ? Ended(JobOutcome.Cancelled, null, false, false)
            : await AbortAsync();
    }

    private async Task<BackupEnded> PublishAsync()
    {
        var point = Point();
        try
        {
            await process.PauseAsync();
            return world.Toy.Publish(process.Number, point)
                ? Ended(JobOutcome.Success, point.Id, point.IsComplete, false)
                : Ended(JobOutcome.Interrupted, null, false, false);
        }
        catch (RepositoryAway)
        {
            return await AbortAsync();
        }
    }

    private async Task<BackupEnded> AbortAsync()
    {
        var outcome = Control.IsCancelled ? JobOutcome.Cancelled : JobOutcome.Failed;
        if (spec.Policy != BitmapSyncPolicy.Always || _copy!.StoredCopy is not { } copy || copy.Count() == _copy.CopyList.Count())
        {
            return Ended(outcome, null, false, false);
        }

        var point = Point();
        try
        {
            await process.PauseAsync();
            return world.Toy.Publish(process.Number, point)
                ? Ended(outcome, point.Id, point.IsComplete, false)
                : Ended(JobOutcome.Interrupted, null, false, false);
        }
        catch (RepositoryAway)
        {
            var canWait = spec.Bitmap is not null && PointBuilder.LacksOnlyCopy(_base, _copy.CopyList);
            if (canWait)
            {
                world.KnownPoints[point.Id] = point;
            }

            return Ended(outcome, canWait ? point.Id : null, false, canWait);
        }
    }

    private SimPoint Point() => PointBuilder.Build(spec.Id, _base, _copy!.CopyList, _copy.StoredCopy!, _copy.StoredTree);

    private BackupEnded Ended(JobOutcome outcome, PointId? point, bool isComplete, bool isUnpublished) =>
        new(spec.Id, new JobEnd(outcome, Control.IsForced, point, isComplete, null, null, JobStatistics.Empty, []), isUnpublished);
}
