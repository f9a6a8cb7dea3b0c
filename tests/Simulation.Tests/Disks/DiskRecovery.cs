using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Checks;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>Brings journal, tracking file and repository together after a start, step by step as the shipped recovery does.</summary>
internal sealed class DiskRecovery(World world, DiskProcess process)
{
    private readonly List<DiskEvent> _events = [];
    private readonly List<(JobId Job, JobConclusion Conclusion, BitmapRemainder Remainder, bool KeepPair)> _toSettle = [];
    private readonly List<Func<Task>> _tidying = [];
    private readonly List<JobState> _toResume = [];
    private bool _isComplete = true;

    private TrackedDisk Disk => process.Disk;

    private DiskState State => process.State;

    public async Task RunAsync()
    {
        try
        {
            await PlanAsync();
            await process.RecordAsync(_events);
            foreach (var (job, conclusion, remainder, keepPair) in _toSettle)
            {
                await DirtyAllIfUnknownAsync(State.Jobs[job.Value].Spec, conclusion, remainder);
                await new Conclusions(world, process).SettleAsync(job, conclusion, remainder, keepPair);
            }

            foreach (var step in _tidying)
            {
                await step();
            }

            await process.RecordAsync([.. _toSettle.Where(s => !State.Jobs[s.Job.Value].IsSettled).Select(s => new DiskEvent.JobSettled(s.Job))]);
            Resume();
        }
        catch (VolumeException e)
        {
            world.Trace.Add("recovery failed: " + e.Message);
            _isComplete = false;
        }

        if (!_isComplete)
        {
            process.RecoverLater();
            return;
        }

        process.IsRecovered = true;
        new RecoveredCheck(world, process).Run();
    }

    private async Task PlanAsync()
    {
        CompareBitmaps();
        foreach (var job in State.Jobs.Values.Where(j => !process.Running.ContainsKey(j.Spec.Id)).ToList())
        {
            await PlanJobAsync(job);
        }

        foreach (var stranger in Disk.JobsInTracking.Where(j => !State.Jobs.ContainsKey(j.Value)))
        {
            _tidying.Add(() => Disk.SettleAsync(stranger, BitmapRemainder.SyncBitmap, keepCheckpoint: false));
        }

        foreach (var old in Disk.JobsInTracking.Where(j => world.Order.SettleOldJobs && State.Jobs.TryGetValue(j.Value, out var job) && job.IsSettled))
        {
            _tidying.Add(() => Disk.SettleAsync(old, BitmapRemainder.SyncBitmap, keepCheckpoint: true));
        }

        foreach (var nameless in Disk.BitmapSets.Where(s => State.Bitmaps.Values.All(b => b.SetId != s)).Order())
        {
            _tidying.Add(() => Disk.RemoveBitmapAsync(nameless));
        }

        foreach (var (point, _) in State.DeletedPoints.OrderBy(p => p.Point.Value, StringComparer.Ordinal))
        {
            try
            {
                if (world.Toy.Points.ContainsKey(point.Value))
                {
                    world.Toy.Delete(process.Number, point);
                }
            }
            catch (RepositoryAway)
            {
                // Shown as a point until a later start.
            }
        }
    }

    private void CompareBitmaps()
    {
        var known = Disk.BitmapSets.ToHashSet();
        foreach (var bitmap in State.Bitmaps.Values)
        {
            if (!known.Remove(bitmap.SetId))
            {
                _events.Add(bitmap.Persistent
                    ? new DiskEvent.BitmapInvalidated(bitmap.Name, "its bits are not in the tracking file")
                    : new DiskEvent.BitmapRemoved(bitmap.Name));
            }
            else if (Disk.InconsistentReason(bitmap.SetId) is { } reason)
            {
                if (bitmap.InconsistentReason is null)
                {
                    _events.Add(new DiskEvent.BitmapInvalidated(bitmap.Name, reason));
                }
            }
            else if (!bitmap.Recording && (bitmap.BusyWith is null || (world.Order.DisableAfterSettling && !process.Running.ContainsKey(bitmap.BusyWith.Value))))
            {
                _tidying.Add(() => DisableAsync(bitmap));
            }
        }
    }

    private Task DisableAsync(BitmapState bitmap) =>
        bitmap.BusyWith is { } job && Disk.JobsInTracking.Contains(job)
            ? Task.CompletedTask
            : new BitmapCommands(world, process).SwitchAsync(bitmap.SetId, false);

    private async Task PlanJobAsync(JobState job)
    {
        if (job.Conclusion is null && job.Suspended is { } suspended && Disk.Suspended.Contains(new SuspendedSnapshot(job.Spec.Id, suspended.Generation)))
        {
            PlanResumption(job);
        }
        else if (job.Conclusion is null)
        {
            await Disk.FenceAsync(job.Spec.Id);
            await ConcludeAsync(job);
        }
        else if (!job.IsSettled)
        {
            SettleLater(job, job.Conclusion);
        }
        else if (Disk.JobsInTracking.Contains(job.Spec.Id))
        {
            PublishKept(job);
        }
    }

    private void PlanResumption(JobState job)
    {
        try
        {
            world.Toy.Touch(process.Number);
            _toResume.Add(job);
        }
        catch (RepositoryAway)
        {
            _isComplete = false;
        }
    }

    /// <summary>What is being stopped resumes nothing: that is the next process's.</summary>
    private void Resume()
    {
        _isComplete &= _toResume.Count == 0 || !process.IsSuspending;
        foreach (var job in process.IsSuspending ? [] : _toResume)
        {
            world.Statistics.Resumed++;
            var run = new BackupJob(world, process, job.Spec);
            process.Running[job.Spec.Id] = run;
            process.Start(() => run.RunAsync(isResumed: true));
        }
    }

    private void SettleLater(JobState job, JobConclusion conclusion)
    {
        if (conclusion is not { Remainder: BitmapRemainder.CopyBitmap, Point: { } id })
        {
            _toSettle.Add((job.Spec.Id, conclusion, conclusion.Remainder, false));
            return;
        }

        SimPoint? point;
        try
        {
            point = world.Toy.Find(process.Number, id);
        }
        catch (RepositoryAway)
        {
            point = null;
        }

        var matches = point is not null && Disk.TryGetCheckpoint(job.Spec.Id, out var pair) && Matches(pair, point);
        var keepPair = point is null && IsWanted(job.Spec.Id);
        var remainder = matches || !world.Order.PairMatchesPoint ? BitmapRemainder.CopyBitmap : BitmapRemainder.SyncBitmap;
        _toSettle.Add((job.Spec.Id, conclusion, remainder, keepPair));
        _isComplete &= !keepPair;
    }

    private async Task DirtyAllIfUnknownAsync(BackupSpec spec, JobConclusion conclusion, BitmapRemainder remainder)
    {
        if (remainder != conclusion.Remainder && spec.Sync == SyncMode.Full && world.Order.AllDirtyWithoutPair && world.Shadows.TryGetValue(spec.BitmapSet, out var shadow) && Disk.JobsInTracking.Contains(spec.Id))
        {
            shadow.Blur(0, world.Geometry.SizeBytes);
            await Disk.MarkAsync(spec.BitmapSet, [new Extent(0, world.Geometry.SizeBytes)]);
        }
    }

    private async Task ConcludeAsync(JobState job)
    {
        JobEnd end;
        try
        {
            await process.PauseAsync();
            end = Decide(job);
        }
        catch (RepositoryAway)
        {
            _isComplete = false;
            return;
        }

        var conclusion = ConclusionDecider.Conclude(job, end);
        _events.Add(new DiskEvent.JobConcluded(job.Spec.Id, conclusion, world.Machine.Now));
        _toSettle.Add((job.Spec.Id, conclusion, conclusion.Remainder, false));
    }

    private JobEnd Decide(JobState job)
    {
        var id = new PointId(job.Spec.Id.Value);
        if (MakePartial(job) is { } partial)
        {
            world.Toy.Publish(process.Number, partial);
        }
        else if (world.Order.KeyBeforeConclusion)
        {
            world.Toy.Bury(process.Number, id);
        }

        if (world.Toy.Find(process.Number, id) is not { } point)
        {
            return Interrupted(null);
        }

        var isPairs = Disk.TryGetCheckpoint(job.Spec.Id, out var pair) && Matches(pair, point);
        return point.IsComplete || (isPairs && pair.Copy.IsEmpty())
            ? new JobEnd(JobOutcome.Success, false, point.Id, point.IsComplete, null, null, JobStatistics.Empty, [])
            : Interrupted(isPairs || job.Spec.Bitmap is null ? point.Id : null);
    }

    private bool Matches(JobCheckpoint pair, SimPoint point) =>
        pair.Root == point.Tree.Root && (!world.Order.CopyMatchesPoint || point.Missing.All(b => pair.Copy[b]));

    private SimPoint? MakePartial(JobState job)
    {
        if (job.Policy != BitmapSyncPolicy.Always || job.Spec.Bitmap is null || !Disk.TryGetCheckpoint(job.Spec.Id, out var pair)
            || Disk.InconsistentReason(job.Spec.BitmapSet) is not null)
        {
            return null;
        }

        var basePoint = job.Spec.Base is { } p ? world.Toy.Find(process.Number, p) : null;
        if (job.Spec.Base is not null && basePoint is null)
        {
            return null;
        }

        var copyList = new DirtyBitmap(pair.Copy.Geometry);
        if (job.Spec.Sync == SyncMode.Full)
        {
            copyList.MarkAll();
        }
        else
        {
            foreach (var extent in Disk.Extents(job.Spec.BitmapSet))
            {
                copyList.MarkBytes(extent.Offset, extent.Length);
            }
        }

        return pair.Copy.Count() == copyList.Count()
            ? null
            : PointBuilder.Build(job.Spec.Id, basePoint, copyList, pair.Copy, TreeOf(pair));
    }

    /// <summary>A pair whose tree is not durable would be a broken promise; the point that is made of it shows that.</summary>
    private SimTree TreeOf(JobCheckpoint pair) => world.Toy.FindTree(pair.Root) ?? SimTree.Empty with { Root = pair.Root };

    private void PublishKept(JobState job)
    {
        if (!IsWanted(job.Spec.Id) || !Disk.TryGetCheckpoint(job.Spec.Id, out var pair))
        {
            _tidying.Add(() => Disk.ForgetCheckpointAsync(job.Spec.Id));
            return;
        }

        try
        {
            if (world.Toy.Publish(process.Number, PointBuilder.BuildFromCopy(job.Spec.Id, pair.Copy, TreeOf(pair))))
            {
                _tidying.Add(() => Disk.ForgetCheckpointAsync(job.Spec.Id));
            }
        }
        catch (RepositoryAway)
        {
            _isComplete = false;
        }
    }

    private bool IsWanted(JobId job) => State.Bitmaps.Values.Any(b => b.Base.Point?.Value == job.Value);

    private static JobEnd Interrupted(PointId? point) => new(JobOutcome.Interrupted, false, point, false, null, null, JobStatistics.Empty, []);
}
