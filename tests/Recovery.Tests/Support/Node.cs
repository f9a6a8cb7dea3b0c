using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Persistence;
using ActorBackup.Actors.Tests.Jobs;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Files;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;
using Akka.Actor;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>A node's process with one disk, composed of the shipped classes as the node composes them.</summary>
internal sealed class Node
{
    public static readonly DiskId DiskId = new("disk");

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Machine _machine;
    private readonly ActorHost _host;
    private readonly JobRunner _runner;
    private IActorRef _actor;

    private Node(Machine machine, ActorHost host, Process process, MachineFiles files, ManualClock clock, LocalDisks disks, MachineRepositories repositories, JobRunner runner)
    {
        (_machine, _host, Process, Files, Clock, Disks, Repositories, _runner) = (machine, host, process, files, clock, disks, repositories, runner);
        _actor = StartActor();
    }

    public Process Process { get; }

    public MachineFiles Files { get; }

    public ManualClock Clock { get; }

    public LocalDisks Disks { get; }

    public MachineRepositories Repositories { get; }

    public TrackedDisk Disk => Disks.Find(DiskId)?.Disk ?? throw new InvalidOperationException(Disks.Find(DiskId)?.Refusal?.Message ?? "the disk is not open");

    public DiskState State => _machine.Journal.State();

    /// <summary>Starts a process and waits until the disk's recovery has ended, unless the process is killed before.</summary>
    public static async Task<Node> StartAsync(Machine machine, ActorHost host, IReadOnlyDictionary<string, RepositoryName> repositories, Action<string>? beforeStep = null)
    {
        var process = new Process { BeforeStep = beforeStep };
        var clock = machine.NextClock();
        var files = new MachineFiles(machine, process, clock.GetUtcNow);
        var database = new JournalDatabase(machine.NextRegisterPath());
        var register = new TrackingRegister(database);
        register.Initialize();
        var exports = new ExportRegister(database);
        exports.Initialize();
        var disks = new LocalDisks(
            files, IoThreads.Instance, clock, register, exports, new NoExports(), new TrackingPlace(files, "/tracking"), "host", "/scratch");
        await disks.OpenAllAsync();
        var access = new MachineRepositories(files, clock) { Names = repositories };
        var runner = new JobRunner(clock, disks.ScratchDirectory, disks.Exports);
        machine.Journal.Announce(process);
        host.Journals.Stores[$"disk-{DiskId}"] = machine.Journal;
        var node = new Node(machine, host, process, files, clock, disks, access, runner);
        if (machine.Journal.Count > 0)
        {
            // The first may leave something to the next, which would come by itself after a while.
            await node.RecoverAsync();
            await node.RecoverAsync();
        }

        return node;
    }

    /// <summary>Null when the process was killed before it answered. Time goes on meanwhile.</summary>
    public Task<DiskReply?> AskAsync(DiskCommand command) => UntilAsync(_actor.Ask<DiskReply>(command, Patience));

    public Task<DiskReply?> AskAsync(DiskQuery query) => UntilAsync(_actor.Ask<DiskReply>(query, Patience));

    /// <summary>As <see cref="AskAsync(DiskCommand)"/>, and fails when it is refused.</summary>
    public async Task<DiskReply?> DoAsync(DiskCommand command)
    {
        var reply = await AskAsync(command);
        return reply is DiskReply.Rejected no ? throw new InvalidOperationException($"{command.GetType().Name} was refused: {no.Refusal.Message}") : reply;
    }

    /// <summary>What recovery would do by itself after a while.</summary>
    public Task<DiskReply?> RecoverAsync() => AskAsync(new DiskCommand.StartDisk { Disk = DiskId });

    /// <summary>Null when the process was killed.</summary>
    public async Task<JobView?> WaitAsync(JobId job) =>
        (await AskAsync(new DiskQuery.AwaitJob(job, TimeSpan.FromSeconds(60)) { Disk = DiskId }) as DiskReply.Job)?.View;

    public async Task<JobView?> ViewAsync(JobId job) =>
        (await AskAsync(new DiskQuery.GetJob(job) { Disk = DiskId }) as DiskReply.Job)?.View;

    /// <summary>Lets time go on until it is so. False = the process was killed.</summary>
    public async Task<bool> UntilAsync(Func<bool> isSo)
    {
        for (var patience = 0; !Process.IsDead; patience++)
        {
            if (isSo())
            {
                return true;
            }

            Assert.True(patience < 60_000, "it does not come to what the test waits for");
            await TickAsync();
        }

        return false;
    }

    /// <summary>Lets time go on for a while.</summary>
    public async Task TicksAsync(int count)
    {
        for (var i = 0; i < count && !Process.IsDead; i++)
        {
            await TickAsync();
        }
    }

    /// <summary>False = the process was killed before the write was acknowledged.</summary>
    public async Task<bool> WriteAsync(long offset, ReadOnlyMemory<byte> data)
    {
        try
        {
            var writing = Disk.WriteAsync(offset, data, false, CancellationToken.None).AsTask();
            await Task.WhenAny(writing, Process.Killed);
            return writing.IsCompletedSuccessfully && !Process.IsDead;
        }
        catch (Exception) when (Process.IsDead)
        {
            return false;
        }
    }

    public async Task<bool> ZeroAsync(long offset, long length)
    {
        try
        {
            var writing = Disk.WriteZeroesAsync(offset, length, ZeroOptions.None, CancellationToken.None).AsTask();
            await Task.WhenAny(writing, Process.Killed);
            return writing.IsCompletedSuccessfully && !Process.IsDead;
        }
        catch (Exception) when (Process.IsDead)
        {
            return false;
        }
    }

    /// <summary>In order: the last checkpoint, and a clean mark.</summary>
    public async Task StopAsync()
    {
        await StopActorAsync();
        await Disks.CloseAllAsync();
        Process.Die();
    }

    /// <summary>As SIGKILL. Returns when nothing of the process is left that could be in the next one's way.</summary>
    public async Task KillAsync()
    {
        Process.Die();
        await StopActorAsync();
    }

    /// <summary>Lets the actor fall, as over a mistake of its own: the process lives, and what it had begun finds out by itself.</summary>
    public void DropActor() => _host.System.Stop(_actor);

    /// <summary>Another actor takes over, from the journal, over the disk that is still open.</summary>
    public async Task ReplaceActorAsync()
    {
        await StopActorAsync();
        _actor = StartActor();
        await RecoverAsync();
        await RecoverAsync();
    }

    private IActorRef StartActor()
    {
        var (disks, repositories, runner, clock) = (Disks, Repositories, _runner, Clock);
        var actor = _host.System.ActorOf(Props.Create(() => new DiskActor(DiskId, disks, repositories, runner, clock)));
        runner.Disks = actor;
        return actor;
    }

    private async Task StopActorAsync()
    {
        var stopped = _actor.WatchAsync();
        _host.System.Stop(_actor);
        await stopped;
    }

    private async Task<DiskReply?> UntilAsync(Task<DiskReply> asked)
    {
        while (!asked.IsCompleted && !Process.IsDead)
        {
            await Task.WhenAny(asked, Process.Killed, TickAsync());
        }

        return Process.IsDead ? null : await asked;
    }

    /// <summary>Whatever waits for the clock goes on; whatever does not gets a moment of the processor.</summary>
    private async Task TickAsync()
    {
        Clock.Advance(TimeSpan.FromMilliseconds(200));
        await Task.Delay(1);
    }
}
