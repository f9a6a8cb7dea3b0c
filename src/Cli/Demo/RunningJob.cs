using ActorBackup.Api;
using ActorBackup.Core.Bitmaps;

namespace ActorBackup.Cli.Demo;

/// <summary>Waits for the right moment to break something: when part of a job's blocks is durable and part is not.</summary>
public static class RunningJob
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    /// <summary>Blocks are durable in the repository before the tracking file notes it, every three seconds; what it did not note is copied again.</summary>
    private static readonly TimeSpan NotedWithin = TimeSpan.FromMilliseconds(4500);

    /// <summary>Until a quarter of the blocks is durable and noted, and some are not.</summary>
    /// <returns>The blocks that are not durable.</returns>
    public static async Task<DirtyBitmap> HalfWayAsync(DemoWorld world, JobResource job, long blocks, CancellationToken cancellation)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < Patience)
        {
            if (await LeftAsync(world, job) is { } left && left.Count() <= blocks * 3 / 4)
            {
                await Task.Delay(NotedWithin, cancellation);
                return await LeftAsync(world, job) ?? throw new DemoException($"job {job.Id} is not running any more");
            }

            await Task.Delay(BetweenLooks, cancellation);
        }

        throw new DemoException($"job {job.Id} was never half-way within {Patience.TotalSeconds} s");
    }

    /// <summary>Null while the job does not run yet.</summary>
    private static async Task<DirtyBitmap?> LeftAsync(DemoWorld world, JobResource job)
    {
        var now = await world.Shell.AskAsync(ApiJson.Default.JobResource, 0, "job", "show", job.Id);
        return now.Status switch
        {
            "running" => await world.DirtyBlocksAsync("copy"),
            "concluded" => throw new DemoException($"job {job.Id} ended ({now.Outcome}: {now.Error}) before it was half-way"),
            _ => null,
        };
    }
}
