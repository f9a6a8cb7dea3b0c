using ActorBackup.Api;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Cli.Demo.Steps;

/// <summary>The storage breaks in the middle of a backup under policy always.</summary>
public sealed class FailHalfwayStep : IDemoStep
{
    private const int Writes = 512;
    private const int WriteBytes = 256 * 1024;

    public string Title => "4. The storage fails half-way; policy always keeps what was copied";

    public async Task RunAsync(DemoWorld world, CancellationToken cancellation)
    {
        await world.Guest.WriteAsync(Writes, WriteBytes, new Extent(0, world.SizeBytes), cancellation);
        var before = await world.DirtyBlocksAsync();
        world.DirtyBefore = before.Count();
        world.ShowStrip("before", before);

        var job = await world.Shell.RunAsync(
            ApiJson.Default.JobResource, 0,
            "backup", DemoWorld.Disk, "--sync", "bitmap", "--bitmap", DemoWorld.Bitmap, "--policy", "always", "--rate", world.RateFor(before));
        var left = await RunningJob.HalfWayAsync(world, job, before.Count(), cancellation);
        world.ShowStrip("half-way", left);
        world.Report.Command("mv repository repository.away; touch repository");
        using (new BrokenRepository(world.RepositoryPath))
        {
            world.FailedJob = await world.Shell.RunAsync(
                ApiJson.Default.JobResource, ExitCodes.Failed, "job", "wait", job.Id, "--timeout", "60");
        }

        world.Report.Command("rm repository; mv repository.away repository");
        world.ShowFigures(world.FailedJob);
        world.Report.Say($"error: {world.FailedJob.Error}");
        var after = await world.DirtyBlocksAsync();
        world.DirtyAfter = after.Count();
        world.ShowStrip("after", after);
        world.Report.Check(world.FailedJob.Outcome == "failed", "the job failed");
        world.Report.Check(world.DirtyAfter > 0 && world.DirtyAfter < world.DirtyBefore, $"0 < {world.DirtyAfter} remaining < {world.DirtyBefore} before");
        world.Report.Check(after.IsSubsetOf(before), "nothing became dirty that was clean");
    }
}
