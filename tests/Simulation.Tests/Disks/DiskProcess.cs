using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Checks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>One process that serves the disk: the shipped data plane, and around it what the disk's actor does with journal and repository.</summary>
internal sealed class DiskProcess
{
    private readonly World _world;
    private readonly int _number;
    private readonly Queue<Func<Task>> _mailbox = new();
    private TrackedDisk? _disk;

    public DiskProcess(World world, CrashPlan? crash)
    {
        _world = world;
        _number = world.Machine.StartProcess(crash);
        Scheduler = new SimScheduler(world.Machine, world.Dice);
        Clock = new SimClock(world.Machine, Scheduler);
        Files = new SimFileLayer(world.Machine, _number);
        world.Statistics.Processes++;
        world.Trace.Add("process started", _number);
    }

    public SimScheduler Scheduler { get; }

    public SimClock Clock { get; }

    public SimFileLayer Files { get; }

    public TrackedDisk Disk => _disk!;

    public int Number => _number;

    public DiskState State => _world.Journal.State;

    /// <summary>The actor begins nothing new; guests go on.</summary>
    public bool IsSuspending { get; set; }

    /// <summary>Guests and the actor begin nothing new.</summary>
    public bool IsStopping { get; set; }

    /// <summary>Every job is concluded and settled, and nothing is left that a later recovery must do.</summary>
    public bool IsRecovered { get; set; }

    public Dictionary<JobId, BackupJob> Running { get; } = [];

    public bool IsIdle { get; private set; }

    /// <summary>Opens the disk, looks at its bitmaps while nothing writes, and lets guests in.</summary>
    public void Open()
    {
        _disk = TrackedDisk.OpenAsync(Files, Scheduler, Clock, Machine.TrackingPath, _world.Journal.Registered, new SimWitness(_world, _number), _world.Guards, Machine.ScratchPath).GetAwaiter().GetResult();
        ScratchDirectory.DeleteLeftovers(Files, Machine.ScratchPath, World.DiskId, [.. Disk.Suspended.Select(s => s.Job)]);
        _world.BlurIfOpeningSuffered();
        new OpeningCheck(_world, Disk).Run();
        var row = new TrackingExpectation(Disk.FileId, Disk.Generation, Disk.Stamp, Disk.Stamp);
        if (_world.Order.RegisterBeforeWrites)
        {
            _world.Journal.Register(_number, row);
        }

        Disk.AllowWrites();
        Tell(() => new DiskRecovery(_world, this).RunAsync());
        if (!_world.Order.RegisterBeforeWrites)
        {
            Tell(async () =>
            {
                await Clock.Delay(TimeSpan.FromSeconds(5));
                _world.Journal.Register(_number, row);
            });
        }
    }

    /// <summary>Starts something that goes on by itself. Whatever it throws that is not the process's death is a bug.</summary>
    public async void Start(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (ProcessDied)
        {
            // So it ends.
        }
        catch (Exception e)
        {
            _world.Report($"unexpected: {e}");
        }
    }

    /// <summary>A message to the disk's actor, which does one after the other.</summary>
    public void Tell(Func<Task> command) => _mailbox.Enqueue(command);

    public async Task RunActorAsync(Func<Task> nextCommand)
    {
        while (true)
        {
            IsIdle = _mailbox.Count == 0;
            if (_mailbox.TryDequeue(out var command))
            {
                await command();
                new BitmapCheck(_world, Disk, "after a command").Run();
            }
            else
            {
                await PauseAsync();
                if (!IsStopping && !IsSuspending && _world.Dice.Chance(0.25))
                {
                    IsIdle = false;
                    await nextCommand();
                    new BitmapCheck(_world, Disk, "after a command").Run();
                }
            }
        }
    }

    /// <summary>One piece of work, or the next moment at which something is due.</summary>
    public void Step()
    {
        try
        {
            if (Scheduler.IsEmpty || _world.Dice.Chance(_world.Machine.Faults.TimePasses))
            {
                Clock.Advance();
            }
            else
            {
                Scheduler.RunOne();
            }
        }
        catch (ProcessDied)
        {
            // The machine knows.
        }
        catch (Exception e)
        {
            _world.Report($"posted work threw: {e}");
        }
    }

    /// <summary>Others go first, for a moment or for a while.</summary>
    public async Task PauseAsync()
    {
        var dice = _world.Dice;
        if (dice.Chance(0.15))
        {
            await Clock.Delay(TimeSpan.FromMilliseconds(dice.Between(1, 3000)));
            return;
        }

        for (var turns = 1 + dice.Below(3); turns > 0; turns--)
        {
            await Scheduler.Yield();
        }
    }

    /// <summary>Durable when it completes.</summary>
    public async Task RecordAsync(params IReadOnlyList<DiskEvent> events)
    {
        await PauseAsync();
        _world.Journal.Record(_number, events);
    }

    public void RecoverLater() => Start(async () =>
    {
        await Clock.Delay(TimeSpan.FromSeconds(5));
        if (!IsSuspending)
        {
            Tell(() => new DiskRecovery(_world, this).RunAsync());
        }
    });
}
