using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>
/// A grouped group one of whose repositories never comes back ends when it is cancelled: each bitmap follows its job's policy, and when the repository comes
/// back all the same, nothing is lost and nothing wrong is there (rules 10, 12, 14, 17, 19).
/// </summary>
public sealed class GroupWithoutRepositoryTests(Preludes preludes) : IClassFixture<Preludes>
{
    private static readonly GroupId Group = new("group-1");

    /// <summary>How an earlier process left the job.</summary>
    public enum Left
    {
        /// <summary>It copied, and the stop suspended it.</summary>
        Suspended,

        /// <summary>It had copied everything and waited for its group.</summary>
        Voted,

        /// <summary>It copied when its process was killed.</summary>
        Died,
    }

    public static TheoryData<SyncMode, Under, BitmapSyncPolicy, Left, GroupDecision> Cases()
    {
        var cases = new TheoryData<SyncMode, Under, BitmapSyncPolicy, Left, GroupDecision>();
        foreach (var (sync, under, policy) in new[]
        {
            (SyncMode.Full, Under.NoBase, BitmapSyncPolicy.Always), (SyncMode.Bitmap, Under.ValidBase, BitmapSyncPolicy.Always),
            (SyncMode.Bitmap, Under.PartialBase, BitmapSyncPolicy.Always), (SyncMode.Bitmap, Under.ValidBase, BitmapSyncPolicy.Conditional),
        })
        {
            foreach (var left in new[] { Left.Suspended, Left.Voted })
            {
                cases.Add(sync, under, policy, left, GroupDecision.Abort);
                cases.Add(sync, under, policy, left, GroupDecision.Force);
            }

            cases.Add(sync, under, policy, Left.Died, GroupDecision.Force);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Its_end_loses_no_bit_whenever_it_is_killed(SyncMode sync, Under under, BitmapSyncPolicy policy, Left left, GroupDecision decision)
    {
        var (world, _) = await preludes.ForkAsync(new Kind(sync, policy, under));
        using (world)
        {
            var job = await LeaveAsync(world, sync, policy, left);
            Directory.Move(world.Machine.RealPath("/here"), world.Machine.RealPath("/away"));
            var images = new List<(World World, string Step)>();
            Action<string>? take = null;
            var node = await world.StartAsync(step => take?.Invoke(step));
            await world.WriteBlocksAsync(node, 135);
            Assert.Equal("b", node.State.Bitmaps.Single(b => b.Value.BusyWith == job).Key);
            take = step => images.Add((world.Fork(), step));
            Assert.Equal(GroupPartStatus.Settled, await DecideAsync(node, decision));
            take = null;

            var keeps = decision == GroupDecision.Abort && policy == BitmapSyncPolicy.Always && under != Under.PartialBase;
            Assert.Equal(JobOutcome.Cancelled, (await node.ViewAsync(job))!.Outcome);
            Assert.Equal((null, keeps), (node.State.Bitmaps["b"].BusyWith, node.State.Bitmaps["b"].Base.Point == new PointId(job.Value)));
            Assert.Empty(node.Disk.Suspended);
            await node.DoAsync(new DiskCommand.LeaveGroup(Group) { Disk = Node.DiskId });
            Assert.Empty(node.State.Groups);
            await node.KillAsync();
            images.Add((world.Fork(), "the end"));
            foreach (var (image, step) in images)
            {
                using (image)
                {
                    await ComeBackAsync(image, job, decision, step == "the end" ? keeps : null, $"killed before {step}");
                }
            }
        }
    }

    /// <summary>It may have published a partial point after it had heard of the abort: only force ends it without its repository.</summary>
    [Fact]
    public async Task A_job_that_died_ends_by_force_after_its_group_has_aborted()
    {
        var (world, _) = await preludes.ForkAsync(new Kind(SyncMode.Full, BitmapSyncPolicy.Always, Under.NoBase));
        using (world)
        {
            var job = await LeaveAsync(world, SyncMode.Full, BitmapSyncPolicy.Always, Left.Died);
            Directory.Move(world.Machine.RealPath("/here"), world.Machine.RealPath("/away"));
            var node = await world.StartAsync();
            Assert.Equal(GroupPartStatus.Ending, await DecideAsync(node, GroupDecision.Abort));
            Assert.Contains("--force", Assert.IsType<DiskReply.Rejected>(await node.AskAsync(new DiskCommand.CancelJob(job, false) { Disk = Node.DiskId })).Refusal.Message, StringComparison.Ordinal);

            await node.DoAsync(new DiskCommand.CancelJob(job, true) { Disk = Node.DiskId });

            Assert.Equal(GroupPartStatus.Settled, await DecideAsync(node, GroupDecision.Abort));
            Assert.Null(node.State.Bitmaps["b"].BusyWith);
            Assert.Single(node.State.DeletedPoints);
            await node.KillAsync();
            await ComeBackAsync(world, job, GroupDecision.Abort, keeps: false, "the end");
        }
    }

    [Fact]
    public async Task What_has_committed_waits_for_its_repository()
    {
        var (world, _) = await preludes.ForkAsync(new Kind(SyncMode.Full, BitmapSyncPolicy.Always, Under.NoBase));
        using (world)
        {
            var job = await LeaveAsync(world, SyncMode.Full, BitmapSyncPolicy.Always, Left.Voted);
            Directory.Move(world.Machine.RealPath("/here"), world.Machine.RealPath("/away"));
            var node = await world.StartAsync();
            Assert.Equal(GroupPartStatus.Ending, await DecideAsync(node, GroupDecision.Commit));
            Assert.Equal(RefusalCode.WrongState, Assert.IsType<DiskReply.Rejected>(await node.AskAsync(new DiskCommand.CancelJob(job, true) { Disk = Node.DiskId })).Refusal.Code);

            Directory.Move(world.Machine.RealPath("/away"), world.Machine.RealPath("/here"));

            Assert.Equal(GroupPartStatus.Settled, await DecideAsync(node, GroupDecision.Commit));
            Assert.Equal(JobOutcome.Success, (await node.ViewAsync(job))!.Outcome);
            await Checks.AllAsync(world, node, "committed");
            await node.KillAsync();
        }
    }

    /// <summary>The process that left it is gone.</summary>
    private static async Task<JobId> LeaveAsync(World world, SyncMode sync, BitmapSyncPolicy policy, Left left)
    {
        var node = await world.StartAsync();
        var order = world.Order(sync, "b", policy) with { RateBytesPerSecond = left == Left.Voted ? 0 : Preludes.BlockBytes / 2 };
        var prepare = new DiskCommand.PrepareGroup(Group, GroupCompletion.Grouped, [new DiskCommand.StartBackup(order) { Disk = Node.DiskId }], DateTimeOffset.MaxValue) { Disk = Node.DiskId };
        var job = Assert.Single(Assert.IsType<DiskReply.GroupPart>(await node.DoAsync(prepare)).View.Members).Job;
        await node.DoAsync(new DiskCommand.HoldGroup(Group, TimeSpan.FromMinutes(1)) { Disk = Node.DiskId });
        world.Written.Clear();
        world.Acknowledged.Clear();
        world.Instants[job] = [.. world.Content];
        await node.DoAsync(new DiskCommand.StartGroup(Group) { Disk = Node.DiskId });
        await world.WriteBlocksAsync(node, 134);
        Assert.True(await node.UntilAsync(() => left == Left.Voted
            ? node.State.Jobs[job.Value].Pending is not null
            : node.Disk.TryGetCheckpoint(job, out var pair) && pair.Copy.Count() < (sync == SyncMode.Full ? Preludes.Blocks : 8)));
        if (left == Left.Died)
        {
            await node.KillAsync();
        }
        else
        {
            await node.DoAsync(new DiskCommand.SuspendJobs { Disk = Node.DiskId });
            await node.StopAsync();
        }

        return job;
    }

    /// <summary>The coordinator tells it until it is carried out, or it turns out that it cannot be.</summary>
    private static async Task<GroupPartStatus> DecideAsync(Node node, GroupDecision decision)
    {
        var status = GroupPartStatus.Unknown;
        for (var times = 0; times < 20 && status is not (GroupPartStatus.Settled or GroupPartStatus.Unknown) | times == 0; times++)
        {
            status = Assert.IsType<DiskReply.GroupPart>(await node.DoAsync(new DiskCommand.DecideGroup(Group, decision) { Disk = Node.DiskId })).View.Status;
            await node.TicksAsync(5);
        }

        return status;
    }

    private static async Task ComeBackAsync(World world, JobId job, GroupDecision decision, bool? keeps, string when)
    {
        Directory.Move(world.Machine.RealPath("/away"), world.Machine.RealPath("/here"));
        var node = await world.StartAsync();
        var part = await DecideAsync(node, decision);
        Assert.True(part is GroupPartStatus.Settled or GroupPartStatus.Unknown, $"{when}: {part}");
        await node.DoAsync(new DiskCommand.LeaveGroup(Group) { Disk = Node.DiskId });
        var view = await node.ViewAsync(job);
        Assert.True(view!.Outcome is JobOutcome.Cancelled or JobOutcome.Interrupted, $"{when}: {view}");
        await Checks.AllAsync(world, node, when);
        if (keeps is { } isThere)
        {
            var point = await (await world.OpenAsync(node)).Data.Points.TryGetAsync(new PointId(job.Value), CancellationToken.None);
            Assert.True(point is not null == isThere, $"{when}: the point is {(point is null ? "not " : "")}there");
            Assert.True(node.State.DeletedPoints.IsEmpty, $"{when}: the deletion is confirmed and still remembered");
        }

        // Whatever the bitmap counts from, the next backup is the disk.
        var next = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, world.Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always)));
        Assert.Equal(JobOutcome.Success, (await node.WaitAsync(next.View.Id))!.Outcome);
        await Checks.AllAsync(world, node, when + ", then backed up");
        await node.KillAsync();
    }
}
