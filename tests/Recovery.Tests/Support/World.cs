using ActorBackup.Actors.Storage;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Repositories;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>A machine with a disk and two repositories, and what a naive observer knows of it: the guest's bytes, now and at each job's instant.</summary>
internal sealed class World : IDisposable
{
    public const string BackingPath = "/disk.img";

    private readonly ActorHost _host;

    private World(Machine machine, ActorHost host, BlockGeometry geometry, byte[] content)
    {
        (Machine, _host, Geometry, Content) = (machine, host, geometry, content);
    }

    public Machine Machine { get; }

    public BlockGeometry Geometry { get; }

    /// <summary>What the guest's acknowledged writes made of the disk.</summary>
    public byte[] Content { get; private set; }

    /// <summary>Of each job that was started, the content then.</summary>
    public Dictionary<JobId, byte[]> Instants { get; private init; } = [];

    /// <summary>Written since the newest job's instant, in blocks; also by a write that was not acknowledged.</summary>
    public HashSet<long> Written { get; private init; } = [];

    /// <summary>The same without the write that was not acknowledged.</summary>
    public HashSet<long> Acknowledged { get; private init; } = [];

    /// <summary>A write that is not acknowledged yet: its bytes may be there or not.</summary>
    public (long Offset, long Length)? InFlight { get; private set; }

    public Dictionary<string, RepositoryName> Repositories { get; private init; } = [];

    public string IdOf(string repository) => Repositories.Single(r => r.Value.Value == repository).Key;

    /// <summary>An empty disk, and repositories "here" and "there".</summary>
    public static async Task<World> CreateAsync(ActorHost host, int blocks, int blockBytes)
    {
        var machine = new Machine();
        var world = new World(machine, host, new BlockGeometry((long)blocks * blockBytes, blockBytes), new byte[blocks * blockBytes]);
        using (var backing = File.Create(machine.RealPath(BackingPath)))
        {
            backing.SetLength(world.Geometry.SizeBytes);
        }

        var process = new Process();
        var clock = machine.NextClock();
        var files = new MachineFiles(machine, process, clock.GetUtcNow);
        foreach (var name in new[] { new RepositoryName("here"), new RepositoryName("there") })
        {
            world.Repositories[await Repository.CreateAsync(files, MachineRepositories.DirectoryOf(name), clock)] = name;
        }

        process.Die();
        return world;
    }

    /// <summary>As it is now. A process may run, when it stands still.</summary>
    public World Fork() =>
        new(Machine.Fork(), _host, Geometry, [.. Content])
        {
            Instants = new(Instants),
            Written = [.. Written],
            Acknowledged = [.. Acknowledged],
            Repositories = Repositories,
            InFlight = InFlight,
        };

    public async Task<Node> StartAsync(Action<string>? beforeStep = null)
    {
        foreach (var job in Machine.Journal.State().Jobs.Keys.Select(j => new JobId(j)).Where(j => !Instants.ContainsKey(j)))
        {
            // It died before it was told; nothing was written until then.
            Instants[job] = [.. Content];
        }

        var node = await Node.StartAsync(Machine, _host, Repositories, beforeStep);
        if (InFlight is { } write && !node.Process.IsDead && node.Disks.Find(Node.DiskId)?.Disk is { } disk)
        {
            // It was never acknowledged, so what is there now is right.
            await disk.ReadAsync(write.Offset, Content.AsMemory((int)write.Offset, (int)write.Length), CancellationToken.None);
            InFlight = null;
        }

        return node;
    }

    public async Task AddDiskAsync(Node node) =>
        await node.DoAsync(new DiskCommand.AddDisk(BackingPath, Geometry.BlockBytes, null, false) { Disk = Node.DiskId });

    /// <summary>Something new in each of these blocks.</summary>
    public async Task WriteBlocksAsync(Node node, params int[] blocks)
    {
        foreach (var block in blocks)
        {
            var data = new byte[Geometry.BlockBytes];
            data.AsSpan().Fill((byte)(1 + ((Content[block * Geometry.BlockBytes] + block) % 255)));
            await WriteAsync(node, block * Geometry.BlockBytes, data);
        }
    }

    public async Task WriteAsync(Node node, long offset, byte[] data)
    {
        Begin(offset, data.Length);
        if (await node.WriteAsync(offset, data))
        {
            data.CopyTo(Content, offset);
            End();
        }
    }

    public async Task ZeroAsync(Node node, long offset, int length)
    {
        Begin(offset, length);
        if (await node.ZeroAsync(offset, length))
        {
            Content.AsSpan((int)offset, length).Clear();
            End();
        }
    }

    /// <summary>A refusal, a job that has begun, or null when the process was killed before it answered.</summary>
    public async Task<DiskReply?> BackUpAsync(Node node, BackupOrder order) => await StartAsync(node, new DiskCommand.StartBackup(order) { Disk = Node.DiskId });

    /// <summary>The same for a command that starts a backup.</summary>
    public async Task<DiskReply?> StartAsync(Node node, DiskCommand command)
    {
        Written.Clear();
        Acknowledged.Clear();
        var reply = await node.AskAsync(command);
        if (reply is DiskReply.Job started)
        {
            Instants[started.View.Id] = [.. Content];
        }

        return reply;
    }

    public BackupOrder Order(SyncMode sync, string? bitmap = null, Core.Bitmaps.BitmapSyncPolicy? policy = null, string repository = "here") =>
        new() { Repository = new RepositoryName(repository), RepositoryId = IdOf(repository), Sync = sync, Bitmap = bitmap, Policy = policy, Workers = 1 };

    public Task<OpenRepository> OpenAsync(Node node, string repository = "here") => node.Repositories.OpenAsync(IdOf(repository));

    public void Dispose() => Machine.Dispose();

    private void End()
    {
        InFlight = null;
        Acknowledged.UnionWith(Written);
    }

    private void Begin(long offset, long length)
    {
        InFlight = (offset, length);
        var (first, end) = Geometry.Touched(offset, length);
        for (var block = first; block < end; block++)
        {
            Written.Add(block);
        }
    }
}
