using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Jobs;
using ActorBackup.Actors.Storage;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Simulation.Tests.Stores;

namespace ActorBackup.Simulation.Tests.Backups;

/// <summary>The shipped run of a backup, and around it what its actor does: starts it, steers it, and tells the disk how it ended.</summary>
internal sealed class ShippedJob : IRunningJob
{
    private readonly World _world;
    private readonly DiskProcess _process;
    private readonly StoredPoints _points;
    private readonly JobControl _control;
    private readonly BackupRun _run;
    private bool _isOver;

    /// <param name="world">All of it.</param>
    /// <param name="process">That runs it.</param>
    /// <param name="points">For what a pair amounts to.</param>
    /// <param name="job">What the journal has of it.</param>
    /// <param name="repository">Where to.</param>
    /// <param name="guards">Of the run.</param>
    public ShippedJob(World world, DiskProcess process, StoredPoints points, JobState job, OpenRepository repository, CopyGuards guards)
    {
        (_world, _process, _points) = (world, process, points);
        var before = job.Suspended;
        _control = new JobControl(process.Clock, job.Policy, before?.RateBytesPerSecond ?? job.Spec.RateBytesPerSecond);
        if (before is { IsPaused: true })
        {
            _control.Gate.Pause();
        }

        var clock = new InstantClock(process.Clock, before is null ? TakeInstant : static () => { });
        _run = new BackupRun(process.State.Definition!, job.Spec, process.Disk, repository, _control, clock, Machine.ScratchPath, before) { Guards = guards };
    }

    public BackupSpec Spec => _run.Spec;

    public async Task RunAsync()
    {
        _process.Start(SteerAsync);
        var result = await Task.Run(_run.RunAsync);
        _isOver = true;
        if (!_process.IsAlive || _process.IsStopping)
        {
            return;
        }

        switch (result)
        {
            case Actors.Backups.BackupEnded ended:
                _world.Trace.Add($"job ended {ended.End.Outcome}", ended.End.Point is null ? 0 : 1, ended.IsPointUnpublished ? 1 : 0);
                if (ended.IsPointUnpublished)
                {
                    KnowPair();
                }

                _process.Tell(() => new Conclusions(_world, _process).ConcludeAsync(new Disks.BackupEnded(ended.Job, ended.End, ended.IsPointUnpublished)));
                break;
            case BackupSuspended { Suspended: { } suspended }:
                _world.Statistics.Suspended++;
                _process.Tell(() => _process.RecordAsync(new DiskEvent.JobSuspended(Spec.Id, suspended)));
                break;
            default:
                _world.Trace.Add("suspending failed");
                break;
        }
    }

    public void Cancel(bool force) => _control.Cancel(force);

    public void Suspend() => _control.Suspend();

    public void Abandon() => _control.Abandon();

    /// <summary>Somebody pauses it now and then, and resumes whatever paused it.</summary>
    private async Task SteerAsync()
    {
        while (!_isOver)
        {
            await _process.Clock.Delay(TimeSpan.FromMilliseconds(_world.Dice.Between(200, 20_000)));
            if (_control.Gate.IsPaused)
            {
                _control.Resume();
            }
            else if (_world.Dice.Chance(0.05))
            {
                _control.Pause();
            }
        }
    }

    /// <summary>Nothing has run since writes were held.</summary>
    private void TakeInstant()
    {
        _world.Instants[Spec.Id] = new Dictionary<long, byte[]>(_world.Machine.Backing.Cache);
        _world.Trace.Add("instant", _world.Instants[Spec.Id].Count);
        if (Spec.Bitmap is not null)
        {
            _world.Shadows[Spec.BitmapSet].Freeze(Spec.Id);
        }
    }

    /// <summary>The pair in the tracking file is the point until it can be put.</summary>
    private void KnowPair()
    {
        var id = new Core.Identity.PointId(Spec.Id.Value);
        if (!_process.Disk.TryGetCheckpoint(Spec.Id, out var pair) || _points.TryRestore(pair.Root) is not { } tree)
        {
            _world.Report($"job {Spec.Id} left its point to a pair, and there is none that restores");
            return;
        }

        _world.KnownPoints[id] = new SimPoint(id, tree, Disks.PointBuilder.Blocks(pair.Copy).ToHashSet()) { IsAborted = true };
    }
}
