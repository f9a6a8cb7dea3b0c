using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Files;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>The repository did what it was asked for, and said that it failed. What lies at the job's key is the truth all the same (rule 12).</summary>
public sealed class LateAnswerTests(Preludes preludes) : IClassFixture<Preludes>
{
    public static TheoryData<BitmapSyncPolicy> Policies() => new(BitmapSyncPolicy.Always, BitmapSyncPolicy.Conditional, BitmapSyncPolicy.Never);

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task A_point_whose_put_seemed_to_fail_makes_the_job_a_success(BitmapSyncPolicy policy)
    {
        var (world, job, node) = await BackUpAsync(policy, (FileError.InputOutput, IsDone: true));
        using (world)
        {
            Assert.Equal(JobOutcome.Success, (await node.WaitAsync(job))!.Outcome);
            var point = await (await world.OpenAsync(node)).Data.Points.TryGetAsync(new PointId(job.Value), CancellationToken.None);
            Assert.True(point!.IsComplete);
            Assert.Equal(policy != BitmapSyncPolicy.Never, node.State.Bitmaps["b"].Base.Point == point.Id);
            await Checks.AllAsync(world, node, "after the success");
            await node.KillAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task A_point_that_could_not_be_put_leaves_none_of_a_success(BitmapSyncPolicy policy)
    {
        var (world, job, node) = await BackUpAsync(policy, (FileError.InputOutput, IsDone: false));
        using (world)
        {
            Assert.Equal(JobOutcome.Failed, (await node.WaitAsync(job))!.Outcome);
            var point = await (await world.OpenAsync(node)).Data.Points.TryGetAsync(new PointId(job.Value), CancellationToken.None);
            Assert.True(point is null or { IsAborted: true });
            Assert.Equal(policy == BitmapSyncPolicy.Always, node.State.Bitmaps["b"].Base.Point == new PointId(job.Value));
            await Checks.AllAsync(world, node, "after the failure");
            await node.KillAsync();
        }
    }

    /// <summary>The first put of a point fails like this.</summary>
    private async Task<(World World, JobId Job, Node Node)> BackUpAsync(BitmapSyncPolicy policy, (FileError Error, bool IsDone) fault)
    {
        var (world, _) = await preludes.ForkAsync(new Kind(SyncMode.Bitmap, policy, Under.ValidBase));
        var node = await world.StartAsync();
        var isFirst = true;
        node.Files.Fault = step =>
        {
            var strikes = isFirst && step == "R put points";
            isFirst &= !strikes;
            return strikes ? fault : null;
        };
        return (world, Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, world.Order(SyncMode.Bitmap, "b", policy))).View.Id, node);
    }
}
