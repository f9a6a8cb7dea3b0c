using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>Disks that are about to be backed up: made once, stopped in order, and forked for each test.</summary>
public sealed class Preludes : IAsyncLifetime
{
    /// <summary>Regions of intents are 64 blocks each. What is dirty before the job lies in the first two, what guests write meanwhile in the last two.</summary>
    internal const int Blocks = 192;

    internal const int BlockBytes = 16 * 1024;

    private static readonly int[] Initial = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 70, 72, 130];
    private static readonly int[] Dirty = [3, 5, 7, 9, 11, 13, 70, 72];

    private readonly Dictionary<(Under Under, bool IsAuto), (World World, HashSet<long> Dirty)> _made = [];

    public ActorHost Host { get; } = new();

    /// <summary>Of each kind of job, the rows of the table from which its recovery was killed already.</summary>
    internal HashSet<(Kind Kind, string Row)> Rows { get; } = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync()
    {
        foreach (var (world, _) in _made.Values)
        {
            world.Dispose();
        }

        Host.Dispose();
        return Task.CompletedTask;
    }

    /// <returns>A world of the caller's own, and which blocks the job's bitmap claims in it.</returns>
    internal async Task<(World World, HashSet<long> Dirty)> ForkAsync(Kind kind)
    {
        var key = (kind.Under, kind.Sync == SyncMode.Auto);
        if (!_made.TryGetValue(key, out var made))
        {
            _made[key] = made = await MakeAsync(kind);
        }

        return (made.World.Fork(), made.Dirty);
    }

    private async Task<(World World, HashSet<long> Dirty)> MakeAsync(Kind kind)
    {
        var world = await World.CreateAsync(Host, Blocks, BlockBytes);
        var node = await world.StartAsync();
        await world.AddDiskAsync(node);
        await world.WriteBlocksAsync(node, Initial);
        var isAuto = kind.Sync == SyncMode.Auto;
        if (kind.Under != Under.NoBitmap)
        {
            if (!isAuto)
            {
                await node.DoAsync(new DiskCommand.AddBitmap("b", null, true, true) { Disk = Node.DiskId });
            }

            if (kind.Under != Under.NoBase)
            {
                await SucceedAsync(world, node, isAuto ? world.Order(SyncMode.Auto) : world.Order(SyncMode.Full, "b", BitmapSyncPolicy.Conditional));
            }
        }

        await world.WriteBlocksAsync(node, Dirty);
        if (kind.Under == Under.PartialBase)
        {
            await FailAsync(world, node, isAuto ? world.Order(SyncMode.Auto) : world.Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always));
            await world.WriteBlocksAsync(node, 2);
        }

        var dirty = kind.Bitmap is { } name && node.State.Bitmaps.TryGetValue(name, out var bitmap) ? Checks.DirtyBlocks(world, node, bitmap) : [];
        await Checks.AllAsync(world, node, $"before {kind}");
        await node.StopAsync();
        return (world, dirty);
    }

    private static async Task SucceedAsync(World world, Node node, BackupOrder order)
    {
        var started = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, order));
        Assert.Equal(JobOutcome.Success, (await node.WaitAsync(started.View.Id))!.Outcome);
    }

    private static async Task FailAsync(World world, Node node, BackupOrder order)
    {
        var job = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, order with { RateBytesPerSecond = BlockBytes / 2 })).View.Id;
        Assert.True(await node.UntilAsync(() => node.Disk.TryGetCheckpoint(job, out var pair) && pair.Copy.Count() < Dirty.Length));
        await node.DoAsync(new DiskCommand.CancelJob(job, false) { Disk = Node.DiskId });
        Assert.Equal(JobOutcome.Cancelled, (await node.WaitAsync(job))!.Outcome);
        Assert.Equal(BaseState.Partial, node.State.Bitmaps.Values.Single().Base.State);
    }
}
