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
internal sealed class DiskProcess : SimProcess
{
    private readonly World _world;
    private readonly Queue<Func<Task>> _mailbox = new();
    private TrackedDisk? _disk;

    public DiskProcess(World world, CrashPlan? crash)
        : base(world.Machine, crash)
    {
        _world = world;
        Files = new SimFileLayer(world.Machine, Number);
        world.Statistics.Processes++;
        Work = world.NewWork(world, this);
    }

    /// <summary>All that it does with a repository.</summary>
    public IRepositoryWork Work { get; }

    public SimFileLayer Files { get; }

    public TrackedDisk Disk => _disk!;

    public DiskState State => _world.Journal.State;

    /// <summary>The actor begins nothing new; guests go on.</summary>
    public bool IsSuspending { get; set; }

    /// <summary>Guests and the actor begin nothing new.</summary>
    public bool IsStopping { get; set; }

    /// <summary>Every job is concluded and settled, and nothing is left that a later recovery must do.</summary>
    public bool IsRecovered { get; set; }

    public Dictionary<JobId, IRunningJob> Running { get; } = [];

    public bool IsIdle { get; private set; }

    /// <summary>Opens the disk, looks at its bitmaps while nothing writes, and lets guests in.</summary>
    public void Open()
    {
        _disk = TrackedDisk.OpenAsync(Files, Scheduler, Clock, Machine.TrackingPath, _world.Journal.Registered, new SimWitness(_world, Number), _world.Guards, Machine.ScratchPath).GetAwaiter().GetResult();
        ScratchDirectory.DeleteLeftovers(Files, Machine.ScratchPath, World.DiskId, [.. Disk.Suspended.Select(s => s.Job)]);
        _world.BlurIfOpeningSuffered();
        new OpeningCheck(_world, Disk).Run();
        var row = new TrackingExpectation(Disk.FileId, Disk.Generation, Disk.Stamp, Disk.Stamp);
        if (_world.Order.RegisterBeforeWrites)
        {
            _world.Journal.Register(Number, row);
        }

        Disk.AllowWrites();
        Tell(Work.RecoverAsync);
        if (!_world.Order.RegisterBeforeWrites)
        {
            Tell(async () =>
            {
                await Clock.Delay(TimeSpan.FromSeconds(5));
                _world.Journal.Register(Number, row);
            });
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

    /// <summary>Durable when it completes.</summary>
    public async Task RecordAsync(params IReadOnlyList<DiskEvent> events)
    {
        await PauseAsync();
        _world.Journal.Record(Number, events);
    }

    public void RecoverLater() => Start(async () =>
    {
        await Clock.Delay(TimeSpan.FromSeconds(5));
        if (!IsSuspending)
        {
            Tell(Work.RecoverAsync);
        }
    });
}
