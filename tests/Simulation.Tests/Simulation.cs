using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Checks;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Tracking;
using DiskDefinition = ActorBackup.Messages.Disks.DiskDefinition;

namespace ActorBackup.Simulation.Tests;

/// <summary>The life of a disk under one seed: processes that serve it and die, until the faults stop; then everything must come to rest and be right.</summary>
internal sealed class Simulation
{
    private const int StepsToStop = 60_000;
    private const int GuestsMax = 3;

    private readonly World _world;
    private readonly ulong _seed;
    private readonly List<long> _hotPlaces = [];

    private Simulation(ulong seed, Func<Dice, World> create)
    {
        _seed = seed;
        _world = create(new Dice(seed));
        for (var i = 0; i < 4; i++)
        {
            _hotPlaces.Add(_world.Dice.Between(0, _world.Geometry.SizeBytes - 1) / 512 * 512);
        }

        // The end of the disk, and where two regions meet.
        _hotPlaces.Add(Math.Max(0, _world.Geometry.SizeBytes - (40 * 1024)) / 512 * 512);
        _hotPlaces.Add(World.RegionBytes - (48 * 1024));
    }

    private bool IsBroken => _world.Machine.Violation is not null;

    public static Outcome Run(ulong seed, TrackingGuards? guards = null, OrderGuards? order = null) =>
        Run(seed, dice => new World(dice, guards ?? TrackingGuards.On, order ?? OrderGuards.On));

    public static Outcome Run(ulong seed, Func<Dice, World> create) => SimThread.Run(() => new Simulation(seed, create).Run());

    private Outcome Run()
    {
        try
        {
            LiveAndComeToRest();
        }
        catch (Exception e)
        {
            _world.Report($"unexpected: {e}");
        }

        return new Outcome(_seed, _world.Machine.Violation, _world.Trace, _world.Statistics);
    }

    private void LiveAndComeToRest()
    {
        CreateDisk();
        for (var rounds = 2 + _world.Dice.Below(5); rounds > 0 && !IsBroken; rounds--)
        {
            Live(new CrashPlan(_world.Dice));
            BetweenProcesses();
        }

        if (!IsBroken)
        {
            ComeToRest();
        }
    }

    private void CreateDisk()
    {
        for (var attempt = 0; _world.Journal.State.Definition is null && !IsBroken; attempt++)
        {
            var process = _world.Machine.StartProcess(attempt < 3 && _world.Dice.Chance(0.3) ? new CrashPlan(_world.Dice) : null);
            var files = new SimFileLayer(_world.Machine, process);
            try
            {
                if (files.KindOf(Machine.TrackingPath) != Files.FileKind.Missing)
                {
                    if (!TrackedDisk.IsUnused(files, Machine.TrackingPath, World.DiskId) && !_world.Machine.HasSuffered)
                    {
                        _world.Report("a tracking file that a crash left behind while it was made is not unused");
                    }

                    files.Delete(Machine.TrackingPath);
                }

                var size = _world.Geometry.SizeBytes;
                var block = (int)_world.Geometry.BlockBytes;
                TrackedDisk.Create(files, Machine.TrackingPath, World.DiskId, Machine.BackingPath, block, false);
                _world.Journal.Record(process, [new DiskEvent.DiskAdded(
                    new DiskDefinition(World.DiskId, Machine.BackingPath, size, block, Machine.TrackingPath, false, "host"), _world.Machine.Now)]);
                _world.Machine.EndProcess();
            }
            catch (Exception e) when (e is ProcessDied or VolumeException)
            {
                _world.Machine.EndProcess();
            }
        }
    }

    /// <summary>One process from its start to its end.</summary>
    private void Live(CrashPlan crash)
    {
        _world.Machine.SpaceIsOut = _world.Dice.Chance(_world.Machine.Faults.SpaceRunsOut);
        _world.Repository.IsAway = _world.Dice.Chance(_world.Machine.Faults.RepositoryIsAway);
        var process = new DiskProcess(_world, crash);
        _world.IsClean = false;
        if (TryOpen(process))
        {
            StartAll(process, new Workload(_world, process));
            RunSteps(process, crash);
        }

        Ended();
    }

    private bool TryOpen(DiskProcess process)
    {
        try
        {
            process.Open();
            return true;
        }
        catch (ProcessDied)
        {
            _world.BlurIfOpeningSuffered();
            return false;
        }
        catch (VolumeException e)
        {
            _world.Trace.Add("opening failed: " + e.Message);

            // Reading or writing failed; the next process tries again. Without a fault that must not be.
            if (!_world.Machine.HasSuffered && _world.Machine.Tracking is not { HasLost: true })
            {
                _world.Report($"the disk cannot be opened: {e.Message}");
            }

            _world.BlurIfOpeningSuffered();
            _world.Machine.Crash();
            return false;
        }
    }

    private void StartAll(DiskProcess process, Workload workload)
    {
        process.Start(() => process.RunActorAsync(workload.NextAsync));
        for (var guests = 1 + _world.Dice.Below(GuestsMax); guests > 0; guests--)
        {
            process.Start(new Guest(_world, process, _hotPlaces).RunAsync);
        }
    }

    private void RunSteps(DiskProcess process, CrashPlan crash)
    {
        while (_world.Machine.IsUp && !IsBroken && crash.StepsLeft-- > 0)
        {
            process.Step();
        }

        if (_world.Machine.IsUp && !IsBroken)
        {
            if (crash.EndsOrderly)
            {
                Stop(process);
            }

            _world.Machine.Crash();
        }
    }

    /// <summary>Steps until the condition holds; a disk that never gets there is stuck.</summary>
    private void StepUntil(DiskProcess process, Func<bool> condition, string what)
    {
        for (var steps = 0; _world.Machine.IsUp && !IsBroken && !condition(); steps++)
        {
            if (steps == StepsToStop)
            {
                _world.Report($"stuck: {what}");
            }

            process.Step();
        }
    }

    private void Stop(DiskProcess process)
    {
        Suspend(process);
        process.IsStopping = true;
        process.Running.Values.ToList().ForEach(static j => j.Abandon());
        var covered = _world.History.BeginFlush();
        var close = process.Disk.CloseAsync();
        StepUntil(process, () => close.IsCompleted, "closing the disk");
        if (_world.Machine.IsUp && !_world.Machine.HasSuffered)
        {
            _world.Trace.Add("stopped");
            _world.Statistics.CleanStops++;
            _world.IsClean = true;
            _world.History.Flushed(covered);
            _world.Machine.EndProcess();
            if (_world.Dice.Chance(_world.Machine.Faults.PowerFails))
            {
                _world.Machine.LosePower();
            }
        }
    }

    /// <summary>Jobs let go while guests write on; those that take too long end as by a crash.</summary>
    private void Suspend(DiskProcess process)
    {
        process.IsSuspending = true;
        foreach (var job in process.Running.Values)
        {
            job.Suspend();
        }

        for (var steps = _world.Dice.Below(_world.Dice.Pick([100, 1000, 3000])); steps > 0 && _world.Machine.IsUp && !IsBroken; steps--)
        {
            process.Step();
        }
    }

    private void Ended()
    {
        _world.Ended();
        _world.Repository.LetLateOnesIn(surely: false);
    }

    /// <summary>Nobody serves the disk: its files may be touched by others.</summary>
    private void BetweenProcesses()
    {
        if (_world.Dice.Chance(_world.Machine.Faults.TrackingIsReplaced))
        {
            _world.ReplaceTracking();
        }
        else
        {
            _world.KeepCopy();
        }

        if (_world.IsClean && _world.Dice.Chance(_world.Machine.Faults.BackingIsChanged))
        {
            _world.ChangeBacking(_world.Dice.Pick(_hotPlaces));
        }
    }

    /// <summary>No more faults: recover, take a last backup of everything, stop, open again.</summary>
    private void ComeToRest()
    {
        _world.Machine.StopFaults();
        _world.Repository.StopFaults();
        for (var last = 0; last < 2 && !IsBroken; last++)
        {
            var process = new DiskProcess(_world, null);
            _world.IsClean = false;
            if (!TryOpen(process))
            {
                return;
            }

            var workload = new Workload(_world, process);
            process.Start(() => process.RunActorAsync(() => Task.CompletedTask));
            StepUntil(process, () => process.IsRecovered && process.IsIdle, "recovery without faults");
            if (last == 0)
            {
                process.Tell(() => workload.StartBackupAsync(new BackupOrder
                {
                    Repository = new RepositoryName("r"),
                    RepositoryId = World.RepositoryId,
                    FallbackToFull = true,
                    Workers = 2,
                }));
                StepUntil(process, () => process.IsIdle && process.Running.Count == 0, "a last backup without faults");
                process.Start(new Guest(_world, process, _hotPlaces).RunAsync);
                for (var steps = 0; steps < 200; steps++)
                {
                    process.Step();
                }
            }

            _world.Repository.LetLateOnesIn(surely: true);
            if (!IsBroken)
            {
                _world.Repository.CheckAll();
                new RecoveredCheck(_world, process).Run();
                Stop(process);
            }

            Ended();
        }
    }
}
