using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>A job whose repository never comes back can be cancelled; when it comes back all the same, nothing is lost and nothing wrong is there (rules 10, 12, 14).</summary>
public sealed class CancelWithoutRepositoryTests(Preludes preludes) : IClassFixture<Preludes>
{
    public static TheoryData<SyncMode, Under, BitmapSyncPolicy, bool, bool> Cases()
    {
        var cases = new TheoryData<SyncMode, Under, BitmapSyncPolicy, bool, bool>();
        foreach (var (sync, under, policy) in new[]
        {
            (SyncMode.Full, Under.NoBase, BitmapSyncPolicy.Always), (SyncMode.Bitmap, Under.ValidBase, BitmapSyncPolicy.Always),
            (SyncMode.Bitmap, Under.PartialBase, BitmapSyncPolicy.Always), (SyncMode.Bitmap, Under.NoBase, BitmapSyncPolicy.Always),
            (SyncMode.Bitmap, Under.ValidBase, BitmapSyncPolicy.Conditional),
        })
        {
            cases.Add(sync, under, policy, true, false);
            cases.Add(sync, under, policy, true, true);
            cases.Add(sync, under, policy, false, true);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_kill_at_any_step_of_it_loses_no_bit(SyncMode sync, Under under, BitmapSyncPolicy policy, bool isSuspended, bool isForced)
    {
        var (world, _) = await preludes.ForkAsync(new Kind(sync, policy, under));
        using (world)
        {
            var job = await LeaveAsync(world, sync, policy, isSuspended);
            Directory.Move(world.Machine.RealPath("/here"), world.Machine.RealPath("/away"));
            var images = new List<(World World, string Step)>();
            Action<string>? take = null;
            var node = await world.StartAsync(step => take?.Invoke(step));
            await world.WriteBlocksAsync(node, 135);
            take = step => images.Add((world.Fork(), step));
            Assert.IsType<DiskReply.Job>(await node.DoAsync(new DiskCommand.CancelJob(job, isForced) { Disk = Node.DiskId }));
            take = null;

            var end = await node.ViewAsync(job);
            Assert.Equal((JobStatus.Concluded, JobOutcome.Cancelled), (end!.Status, end.Outcome));
            var bitmap = node.State.Bitmaps["b"];
            var keeps = !isForced && policy == BitmapSyncPolicy.Always && (sync == SyncMode.Full || under == Under.ValidBase);
            Assert.Equal((null, keeps), (bitmap.BusyWith, bitmap.Base.Point == new PointId(job.Value)));
            Assert.Empty(node.Disk.Suspended);
            await node.KillAsync();
            images.Add((world.Fork(), "the end"));
            foreach (var (image, step) in images)
            {
                using (image)
                {
                    await ComeBackAsync(image, job, step == "the end", keeps, isForced, $"killed before {step}");
                }
            }
        }
    }

    [Fact]
    public async Task A_point_that_was_published_before_its_process_died_goes_with_the_job_that_was_ended_by_force()
    {
        var (world, _) = await preludes.ForkAsync(new Kind(SyncMode.Full, BitmapSyncPolicy.Always, Under.NoBase));
        World? image = null;
        using (world)
        {
            var hasPut = false;
            var node = await world.StartAsync(step =>
            {
                image ??= hasPut ? world.Fork() : null;
                hasPut |= step == "R put points";
            });
            var job = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, world.Order(SyncMode.Full, "b", BitmapSyncPolicy.Always))).View.Id;
            await node.WaitAsync(job);
            await node.KillAsync();
            using (image)
            {
                Directory.Move(image!.Machine.RealPath("/here"), image.Machine.RealPath("/away"));
                node = await image.StartAsync();
                Assert.Null((await node.ViewAsync(job))!.Outcome);
                await node.DoAsync(new DiskCommand.CancelJob(job, true) { Disk = Node.DiskId });
                Assert.Single(node.State.DeletedPoints);
                await node.KillAsync();
                await ComeBackAsync(image, job, wasDone: true, keeps: false, isForced: true, "the point was published");
            }
        }
    }

    /// <summary>A job that has copied something and not all, and whose process is gone.</summary>
    private static async Task<JobId> LeaveAsync(World world, SyncMode sync, BitmapSyncPolicy policy, bool isSuspended)
    {
        var node = await world.StartAsync();
        var order = world.Order(sync, "b", policy) with { RateBytesPerSecond = Preludes.BlockBytes / 2 };
        var job = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, order)).View.Id;
        await world.WriteBlocksAsync(node, 134);
        Assert.True(await node.UntilAsync(() => node.Disk.TryGetCheckpoint(job, out var pair) && pair.Copy.Count() < (sync == SyncMode.Full ? Preludes.Blocks : 8)));
        if (isSuspended)
        {
            await node.DoAsync(new DiskCommand.SuspendJobs { Disk = Node.DiskId });
            await node.StopAsync();
        }
        else
        {
            await node.KillAsync();
        }

        return job;
    }

    private static async Task ComeBackAsync(World world, JobId job, bool wasDone, bool keeps, bool isForced, string when)
    {
        Directory.Move(world.Machine.RealPath("/away"), world.Machine.RealPath("/here"));
        var node = await world.StartAsync();
        var view = await node.ViewAsync(job);
        Assert.True(view!.Outcome is JobOutcome.Cancelled or JobOutcome.Interrupted, $"{when}: {view}");
        Assert.True(!wasDone || view.Outcome == JobOutcome.Cancelled, $"{when}: {view}");
        await Checks.AllAsync(world, node, when);
        var there = await (await world.OpenAsync(node)).Data.Points.TryGetAsync(new PointId(job.Value), CancellationToken.None);
        if (view.Outcome == JobOutcome.Cancelled)
        {
            Assert.True(there is not null == keeps, $"{when}: the point is {(there is null ? "not " : "")}there");
            Assert.True(!isForced || node.State.DeletedPoints.IsEmpty, $"{when}: the deletion is confirmed and still remembered");
        }

        // Whatever the bitmap counts from, the next backup is the disk.
        var next = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, world.Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always)));
        Assert.Equal(JobOutcome.Success, (await node.WaitAsync(next.View.Id))!.Outcome);
        await Checks.AllAsync(world, node, when + ", then backed up");
        await node.KillAsync();
    }
}
