using ActorBackup.Actors;
using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Checks;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Simulation.Tests.Stores;
using DiskRecovery = ActorBackup.Actors.Disks.DiskRecovery;

namespace ActorBackup.Simulation.Tests.Backups;

/// <summary>Backups by the shipped run, look-up, recovery and rebase, in the order in which the disk's actor uses them.</summary>
internal sealed class ShippedWork : IRepositoryWork
{
    // A block takes whole milliseconds.
    private const long RateBytesPerSecond = 50 * 4096;

    private readonly World _world;
    private readonly DiskProcess _process;
    private readonly StoredPoints _points;
    private readonly BackupSettings _settings;
    private readonly SimRepositories _repositories;
    private OpenRepository? _found;

    public ShippedWork(World world, DiskProcess process, StoredPoints points, BackupSettings settings)
    {
        (_world, _process, _points, _settings) = (world, process, points, settings);
        _repositories = new SimRepositories(world, process, points, settings);
        Patience.Clock = process.Clock;
    }

    public async Task<bool?> FindBaseAsync(PointId? basePoint)
    {
        var found = await BaseLookup.FindAsync(_repositories, World.RepositoryId, basePoint, _process.State, _process.Disk);
        _found = found.Repository;
        return found.Refusal is null ? found.Exists : null;
    }

    public void StartJob(BackupSpec spec) => Start(_process.State.Jobs[spec.Id.Value], _found!);

    public async Task RecoverAsync()
    {
        DiskRecovery plan;
        try
        {
            plan = await DiskRecovery.PlanAsync(_process.State, _process.Disk, _repositories, new PointPins(), _process.Running.Keys.ToHashSet(), _process.Clock);
        }
        catch (Exception e) when (BackupJob.IsExpected(e))
        {
            _world.Trace.Add("recovery failed: " + e.Message);
            _process.RecoverLater();
            return;
        }

        await _process.RecordAsync(plan.Events);
        BlurWhatIsSettled();
        await plan.CompleteAsync();
        var closing = plan.Closing(_process.State);
        foreach (var settled in closing.OfType<DiskEvent.JobSettled>())
        {
            SettleShadow(_process.State.Jobs[settled.Job.Value]);
        }

        await _process.RecordAsync(closing);
        foreach (var problem in plan.Problems)
        {
            _world.Trace.Add("recovery left something: " + problem.Message);
            if (!BackupJob.IsExpected(problem) && _process.IsAlive)
            {
                _world.Report($"recovery stumbled: {problem}");
            }
        }

        foreach (var (job, repository) in _process.IsSuspending ? [] : plan.ToResume)
        {
            _world.Statistics.Resumed++;
            Start(_process.State.Jobs[job.Spec.Id.Value], repository);
        }

        // What is being stopped resumes nothing: that is the next process's.
        if (!plan.IsComplete || (_process.IsSuspending && plan.ToResume.Count > 0))
        {
            _process.RecoverLater();
            return;
        }

        _process.IsRecovered = true;
        new RecoveredCheck(_world, _process).Run();
    }

    public async Task DeletePointAsync(PointId point)
    {
        var state = _process.State;
        var bitmaps = state.Bitmaps.Values.Where(b => b.Base.Point == point).ToList();
        if (_process.Running.Values.Any(r => r.Spec.Base == point) || bitmaps.Exists(b => b.BusyWith is not null)
            || (state.Jobs.TryGetValue(point.Value, out var maker) && !maker.IsSettled))
        {
            return;
        }

        foreach (var bitmap in bitmaps)
        {
            // The difference between the bases.
            _world.Shadows[bitmap.SetId].Blur(0, _world.Geometry.SizeBytes);
        }

        var rebase = await Rebase.PrepareAsync(_repositories, World.RepositoryId, point, World.DiskId, bitmaps, state.DeletedPoints, _process.Disk);
        await _process.RecordAsync([.. rebase.Events, new DiskEvent.PointDeleted(point, World.RepositoryId)]);
        await rebase.DeleteAsync(point);
    }

    public BackupOrder Vary(BackupOrder order)
    {
        var dice = _world.Dice;
        return order with
        {
            Workers = 1 + dice.Below(3),

            // Under another policy its point would become the base, lacking what the bitmap does not claim (rule 14).
            WithoutBase = order is { Sync: SyncMode.Bitmap, Policy: BitmapSyncPolicy.Never } && dice.Chance(0.5),
            RateBytesPerSecond = dice.Pick([0, 0, 0, RateBytesPerSecond]),
            OnSourceError = dice.Pick([ErrorPolicy.Report, ErrorPolicy.Report, ErrorPolicy.Ignore, ErrorPolicy.Stop]),
            OnTargetError = dice.Pick([ErrorPolicy.Report, ErrorPolicy.Auto, ErrorPolicy.Ignore, ErrorPolicy.Stop]),
        };
    }

    private void Start(JobState job, OpenRepository repository)
    {
        var run = new ShippedJob(_world, _process, _points, job, repository, _settings.Copy);
        _process.Running[job.Spec.Id] = run;
        _process.Start(run.RunAsync);
    }

    /// <summary>Where a full job's pair does not go with its point all becomes dirty.</summary>
    private void BlurWhatIsSettled()
    {
        foreach (var job in _process.State.Jobs.Values)
        {
            if (job is { IsSettled: false, Conclusion.Remainder: BitmapRemainder.CopyBitmap, Spec: { Sync: SyncMode.Full, Bitmap: not null } spec } && _world.Shadows.TryGetValue(spec.BitmapSet, out var shadow))
            {
                shadow.Blur(0, _world.Geometry.SizeBytes);
            }
        }
    }

    /// <summary>The sync bitmap may stay where the conclusion says that the copy bitmap does.</summary>
    private void SettleShadow(JobState job)
    {
        if (job.Spec.Bitmap is not null && _world.Shadows.TryGetValue(job.Spec.BitmapSet, out var shadow))
        {
            shadow.Settle(s => job.Conclusion!.Remainder == BitmapRemainder.Nothing ? null : s.FrozenMay);
        }
    }
}
