using ActorBackup.Actors.Disks;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Files;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Verifying;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>The rows of the table that no job is in: openings, bitmap commands, deletions, and a journal that was put back.</summary>
public sealed class CommandKillTests(ActorHost host) : IClassFixture<ActorHost>
{
    private const int Blocks = 192;
    private const int BlockBytes = 16 * 1024;

    public static TheoryData<string> Commands() => new("add", "add with a base", "remove", "clear", "disable", "enable", "merge", "delete", "delete the last point");

    [Fact]
    public async Task A_kill_at_any_step_of_an_opening_changes_no_bit()
    {
        using var world = await MakeAsync();
        var images = new List<(World World, string Step)>();
        var node = await world.StartAsync(step => images.Add((world.Fork(), step)));
        var whole = await Recovered.DescribeAsync(world, node);
        await node.KillAsync();
        Assert.NotEmpty(images);
        foreach (var (image, step) in images)
        {
            using (image)
            {
                node = await image.StartAsync();
                Assert.True(whole == await Recovered.DescribeAsync(image, node), $"an opening that was killed before {step} changed something");
                await Checks.AllAsync(image, node, $"opening killed before {step}");
                await node.KillAsync();
            }
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task A_kill_at_any_step_of_a_command_loses_no_bit(string name)
    {
        using var world = await MakeAsync();
        var images = new List<(World World, string Step)>();
        Action<string>? take = null;
        var node = await world.StartAsync(step => take?.Invoke(step));
        var command = await CommandAsync(world, node, name);
        var before = node.State;
        take = step => images.Add((world.Fork(), step));
        await node.DoAsync(command);
        take = null;
        var after = node.State;
        var end = await BitmapsAsync(world, node);
        await node.KillAsync();
        Assert.NotEmpty(images);
        foreach (var (image, step) in images)
        {
            using (image)
            {
                var when = $"{name}, killed before {step}";
                node = await image.StartAsync();
                await Checks.AllAsync(image, node, when);
                Assert.All(node.State.Bitmaps.Values, b => Assert.Contains(b.SetId, node.Disk.BitmapSets));
                Assert.Equal(node.State.Bitmaps.Count, node.Disk.BitmapSets.Count);
                CheckBits(image, node, before, after, when);
                await CheckDeletedAsync(image, node, when);
                Assert.True(node.State.DeletedPoints.IsEmpty, $"{when}: a deletion that is confirmed is still remembered");

                // Who was not answered asks again.
                await node.AskAsync(command);
                Assert.True(end == await BitmapsAsync(image, node), $"{when}, then done again: {await BitmapsAsync(image, node)} instead of {end}");
                await Checks.AllAsync(image, node, when + ", then done again");
                await node.KillAsync();
            }
        }
    }

    /// <summary>Rule 15. Deletion in D, object still there, and then no disk any more.</summary>
    [Fact]
    public async Task A_point_that_the_repository_could_not_delete_goes_after_its_disk_was_removed()
    {
        using var world = await MakeAsync();
        var isBroken = false;
        var node = await world.StartAsync(step =>
        {
            if (isBroken && step.StartsWith('R'))
            {
                throw new FileLayerException(FileError.InputOutput, "the repository takes no change");
            }
        });
        var point = node.State.Bitmaps["b"].Base.Point!.Value;
        isBroken = true;
        Assert.IsType<DiskReply.Rejected>(await node.AskAsync(
            new DiskCommand.DeletePoint(point, new RepositoryName("there"), world.IdOf("there")) { Disk = Node.DiskId }));
        await node.DoAsync(new DiskCommand.RemoveDisk { Disk = Node.DiskId });
        Assert.NotNull(await FindAsync());
        Assert.Null(node.State.Definition);
        await node.KillAsync();

        node = await world.StartAsync();

        for (var patience = 0; await FindAsync() is not null; patience++)
        {
            Assert.True(patience < 1000, $"point {point} is still there");
            await node.TicksAsync(1);
        }

        await node.KillAsync();

        async Task<Storage.Points.RecoveryPoint?> FindAsync() =>
            await (await world.OpenAsync(node, "there")).Data.Points.TryGetAsync(point, CancellationToken.None);
    }

    /// <summary>Rule 14. The bitmap comes with its base or not at all.</summary>
    [Fact]
    public async Task A_kill_at_any_step_of_adding_a_compared_bitmap_leaves_none_or_a_true_one()
    {
        using var world = await MakeAsync();
        var images = new List<(World World, string Step)>();
        Action<string>? take = null;
        var node = await world.StartAsync(step => take?.Invoke(step));
        var order = AddOver(world, node.State.Bitmaps["a"].Base.Point!.Value);
        var job = new JobId("comparison");
        Assert.True(node.Disks.Pins.TryPin(order.Base!.Point, world.IdOf("here"), job.Value, "the comparison reads it"));
        await node.DoAsync(new DiskCommand.LendDiskForBitmap(job, order, DateTimeOffset.MaxValue) { Disk = Node.DiskId });
        var loan = Assert.IsType<DiskLoan.ForBitmap>(node.Disks.Loans.Find(Node.DiskId, job));
        await world.WriteBlocksAsync(node, 20);
        var repository = await world.OpenAsync(node);
        var point = await repository.Data.Points.TryGetAsync(order.Base.Point, CancellationToken.None);
        loan.Differs = await new DiskComparison(repository.Data, point!, node.Disk, b => loan.Since.Written[b], new NoProgress()).FindAsync(CancellationToken.None);
        await world.WriteBlocksAsync(node, 21);
        Assert.IsType<DiskReply.Rejected>(await node.AskAsync(new DiskCommand.DeletePoint(order.Base.Point, new RepositoryName("here"), world.IdOf("here")) { Disk = Node.DiskId }));

        take = step => images.Add((world.Fork(), step));
        await node.DoAsync(new DiskCommand.AddComparedBitmap(job) { Disk = Node.DiskId });
        take = null;
        await node.Disks.ReturnAsync(Node.DiskId, job);

        Assert.Equal([3L, 7L, 8L, 20L, 21L], Checks.DirtyBlocks(world, node, node.State.Bitmaps["d"]).Order());
        await Checks.AllAsync(world, node, "the bitmap was added");
        await node.KillAsync();
        Assert.NotEmpty(images);
        foreach (var (image, step) in images)
        {
            using (image)
            {
                var when = $"killed before {step}";
                node = await image.StartAsync();
                await Checks.AllAsync(image, node, when);
                Assert.Equal(node.State.Bitmaps.Values.Select(b => b.SetId).Order(), node.Disk.BitmapSets.Order());
                Assert.True(node.State.Bitmaps.GetValueOrDefault("d") is null or { Base.State: BaseState.Valid }, when);
                await node.KillAsync();
            }
        }
    }

    /// <summary>Rule 14. Somebody else deleted it while no node ran.</summary>
    [Fact]
    public async Task A_start_finds_that_a_base_is_gone_and_no_bit_changes()
    {
        using var world = await MakeAsync();
        var node = await world.StartAsync();
        var (counted, dirty) = (node.State.Bitmaps["a"].Base, Checks.DirtyBlocks(world, node, node.State.Bitmaps["a"]));
        await node.StopAsync();
        File.Delete(world.Machine.RealPath($"/here/points/{counted.Point}"));

        node = await world.StartAsync();

        Assert.True(await node.UntilAsync(() => node.State.Bitmaps["a"].Base.State == BaseState.Lost));
        Assert.Equal(counted.Point, node.State.Bitmaps["a"].Base.Point);
        Assert.Equal(dirty, Checks.DirtyBlocks(world, node, node.State.Bitmaps["a"]));
        Assert.Equal(BaseState.Valid, node.State.Bitmaps["b"].Base.State);
        await node.KillAsync();
    }

    /// <summary>Successor in F, no job in D: S ∪ W.</summary>
    [Theory]
    [InlineData(BitmapSyncPolicy.Always)]
    [InlineData(BitmapSyncPolicy.Conditional)]
    [InlineData(BitmapSyncPolicy.Never)]
    public async Task Sets_of_a_job_that_the_journal_lost_become_the_bitmap_again(BitmapSyncPolicy policy)
    {
        using var world = await MakeAsync();
        var node = await world.StartAsync();
        var events = world.Machine.Journal.Count;
        var dirty = Checks.DirtyBlocks(world, node, node.State.Bitmaps["a"]);
        var job = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(
            node, world.Order(SyncMode.Bitmap, "a", policy) with { RateBytesPerSecond = BlockBytes / 2 })).View.Id;
        await world.WriteBlocksAsync(node, 150);
        await node.UntilAsync(() => node.Disk.TryGetCheckpoint(job, out var pair) && pair.Copy.Count() < dirty.Count);
        await node.KillAsync();
        world.Machine.Journal.Truncate(world.Machine.Journal.Count - events);

        node = await world.StartAsync();

        Assert.Empty(node.Disk.JobsInTracking);
        Assert.Null(node.State.Bitmaps["a"].BusyWith);
        Assert.True(Checks.DirtyBlocks(world, node, node.State.Bitmaps["a"]).IsSupersetOf([.. dirty, 150]));
        await Checks.AllAsync(world, node, "after the journal lost the job");
        await node.KillAsync();
    }

    /// <summary>Bitmaps "a" and "b" with a base each, "c" without and disabled; two points of "a", and blocks dirty in all that record.</summary>
    private async Task<World> MakeAsync()
    {
        var world = await World.CreateAsync(host, Blocks, BlockBytes);
        var node = await world.StartAsync();
        await world.AddDiskAsync(node);
        await world.WriteBlocksAsync(node, 0, 1, 2, 3, 70);
        foreach (var name in new[] { "a", "b" })
        {
            await node.DoAsync(new DiskCommand.AddBitmap(name, null, true, true) { Disk = Node.DiskId });
        }

        await node.DoAsync(new DiskCommand.AddBitmap("c", null, false, true) { Disk = Node.DiskId });
        await SucceedAsync(world, node, world.Order(SyncMode.Full, "a", BitmapSyncPolicy.Always));
        await world.WriteBlocksAsync(node, 1, 5);
        await SucceedAsync(world, node, world.Order(SyncMode.Full, "b", BitmapSyncPolicy.Always, "there"));
        await world.WriteBlocksAsync(node, 2, 6);
        await SucceedAsync(world, node, world.Order(SyncMode.Incremental, "a"));
        await world.WriteBlocksAsync(node, 3, 7, 8);
        await node.StopAsync();
        return world;
    }

    private static DiskCommand.AddBitmap AddOver(World world, PointId point) =>
        new("d", null, true, true)
        {
            Disk = Node.DiskId,
            Base = new AssertedBase(point, world.IdOf("here"), world.Geometry.SizeBytes, BlockBytes, IsComplete: true),
        };

    private static async Task SucceedAsync(World world, Node node, BackupOrder order)
    {
        var started = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, order));
        Assert.Equal(JobOutcome.Success, (await node.WaitAsync(started.View.Id))!.Outcome);
    }

    private static async Task<DiskCommand> CommandAsync(World world, Node node, string name)
    {
        var state = node.State;
        switch (name)
        {
            case "delete the last point":
                return new DiskCommand.DeletePoint(state.Bitmaps["b"].Base.Point!.Value, new RepositoryName("there"), world.IdOf("there")) { Disk = Node.DiskId };
            case "delete":
                return new DiskCommand.DeletePoint(state.Bitmaps["a"].Base.Point!.Value, new RepositoryName("here"), world.IdOf("here")) { Disk = Node.DiskId };
            case "add with a base":
                await SucceedAsync(world, node, world.Order(SyncMode.Full));
                return AddOver(world, node.State.LastPoint!.Value);
            case "enable":
                await node.DoAsync(new DiskCommand.SetBitmapRecording("a", false) { Disk = Node.DiskId });
                return new DiskCommand.SetBitmapRecording("a", true) { Disk = Node.DiskId };
            default:
                return name switch
                {
                    "add" => new DiskCommand.AddBitmap("d", null, true, true) { Disk = Node.DiskId },
                    "remove" => new DiskCommand.RemoveBitmap("a") { Disk = Node.DiskId },
                    "clear" => new DiskCommand.ClearBitmap("a") { Disk = Node.DiskId },
                    "disable" => new DiskCommand.SetBitmapRecording("a", false) { Disk = Node.DiskId },
                    _ => new DiskCommand.MergeBitmaps("c", [new BitmapAddress(Node.DiskId, "a"), new BitmapAddress(Node.DiskId, "b")]) { Disk = Node.DiskId },
                };
        }
    }

    /// <summary>In D the command is done or not; a bitmap that kept its base kept its bits.</summary>
    private static void CheckBits(World world, Node node, DiskState before, DiskState after, string when)
    {
        foreach (var bitmap in node.State.Bitmaps.Values)
        {
            var (was, becomes) = (before.Bitmaps.GetValueOrDefault(bitmap.Name), after.Bitmaps.GetValueOrDefault(bitmap.Name));
            Assert.True(bitmap == was || bitmap == becomes, $"{when}: bitmap {bitmap} was {was} and becomes {becomes}");
            var dirty = Checks.DirtyBlocks(world, node, bitmap);
            if (bitmap.Name != "c" && bitmap == was && was.Base.Point is not null)
            {
                Assert.True(dirty.IsSupersetOf([3, 7, 8]), $"{when}: bitmap {bitmap.Name} claims {string.Join(',', dirty.Order())} only");
            }
        }
    }

    /// <summary>Deletion in D, object still there: it goes.</summary>
    private static async Task CheckDeletedAsync(World world, Node node, string when)
    {
        foreach (var (point, repository) in node.State.DeletedPoints)
        {
            var data = (await world.OpenAsync(node, world.Repositories[repository].Value)).Data;
            Assert.True(await data.Points.TryGetAsync(point, CancellationToken.None) is null, $"{when}: {point} is still there");
        }
    }

    private static Task<string> BitmapsAsync(World world, Node node) =>
        Task.FromResult(string.Join('\n', node.State.Bitmaps.Values.Select(b => $"{b.Name} {b.Recording} {b.Base}: {string.Join(',', Checks.DirtyBlocks(world, node, b).Order())}")));

    private sealed class NoProgress : IReadProgress
    {
        public void Total(long bytes)
        {
        }

        public void Done(long bytes)
        {
        }

        public void Zero(long bytes)
        {
        }

        public void Skipped(long bytes)
        {
        }
    }
}
