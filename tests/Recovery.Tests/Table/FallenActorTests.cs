using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;
using Xunit.Abstractions;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>The actor of a disk falls at any step of a job while the process lives: its run copies on for a moment, and guests write on, beside the recovery of the next actor.</summary>
public sealed class FallenActorTests(Preludes preludes, ITestOutputHelper output) : IClassFixture<Preludes>
{
    /// <summary>More than the job takes at its rate.</summary>
    private const int RunTicks = 80;

    public static TheoryData<SyncMode, BitmapSyncPolicy, Under> Jobs() => new()
    {
        { SyncMode.Full, BitmapSyncPolicy.Always, Under.NoBase },
        { SyncMode.Bitmap, BitmapSyncPolicy.Always, Under.ValidBase },
        { SyncMode.Bitmap, BitmapSyncPolicy.Conditional, Under.ValidBase },
        { SyncMode.Bitmap, BitmapSyncPolicy.Never, Under.ValidBase },
    };

    [Theory]
    [MemberData(nameof(Jobs))]
    public async Task Nothing_is_lost_when_the_actor_falls_at_any_step(SyncMode sync, BitmapSyncPolicy policy, Under under)
    {
        var kind = new Kind(sync, policy, under);
        var outcomes = new List<JobOutcome>();
        for (var at = 0; ; at++)
        {
            var (world, _) = await preludes.ForkAsync(kind);
            using (world)
            {
                var (outcome, fell) = await LiveAsync(world, kind, at);
                if (!fell)
                {
                    break;
                }

                outcomes.Add(outcome);
            }
        }

        output.WriteLine(string.Join(' ', outcomes));
        Assert.Contains(JobOutcome.Interrupted, outcomes);
        Assert.Contains(JobOutcome.Success, outcomes);
    }

    private static async Task<(JobOutcome Outcome, bool Fell)> LiveAsync(World world, Kind kind, int at)
    {
        var when = $"{kind}, the actor fell at step {at}";
        var left = int.MaxValue;
        var fell = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Action drop = () => { };
        var node = await world.StartAsync(_ =>
        {
            if (Interlocked.Decrement(ref left) == -1)
            {
                drop();
                fell.TrySetResult();
            }
        });
        var job = Assert.IsType<DiskReply.Job>(await world.BackUpAsync(node, world.Order(kind.Sync, kind.Bitmap, kind.Policy) with { RateBytesPerSecond = 16 * Preludes.BlockBytes })).View.Id;

        // What comes before is no step of the job yet.
        drop = node.DropActor;
        Volatile.Write(ref left, at);
        await world.WriteBlocksAsync(node, 72, 150);
        await node.UntilAsync(() => fell.Task.IsCompleted || node.State.Jobs[job.Value].IsSettled);
        var hasFallen = fell.Task.IsCompleted;
        await world.WriteBlocksAsync(node, 73);
        await node.ReplaceActorAsync();
        await node.UntilAsync(() => node.State.Jobs[job.Value].IsSettled);

        // By now a run that nobody stopped would have ended by itself.
        await node.TicksAsync(RunTicks);
        await Checks.AllAsync(world, node, when);
        Assert.True(!node.Disk.JobsInTracking.Contains(job), $"{when}: the tracking file still has something of the job");
        Assert.True(node.State.Bitmaps["b"].BusyWith is null, $"{when}: the bitmap is busy");
        await Recovered.GoOnAsync(world, node, kind, when);
        var outcome = node.State.Jobs[job.Value].Conclusion!.Outcome;
        await node.KillAsync();
        return (outcome, hasFallen);
    }
}
