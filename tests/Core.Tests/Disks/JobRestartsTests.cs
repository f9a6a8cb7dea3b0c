using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Core.Tests.Disks;

public sealed class JobRestartsTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    [Theory]
    [InlineData(JobOutcome.Failed, 2, true)]
    [InlineData(JobOutcome.Interrupted, 1, true)]
    [InlineData(JobOutcome.Failed, 0, false)]
    [InlineData(JobOutcome.Cancelled, 2, false)]
    [InlineData(JobOutcome.Success, 2, false)]
    public void A_job_that_failed_is_tried_again_while_it_has_restarts(JobOutcome outcome, int restarts, bool isDue)
    {
        var state = Run(DiskState.Empty, "a", restarts, outcome);

        Assert.Equal(isDue, JobRestarts.Due(state).Any());
    }

    [Fact]
    public void Each_restart_has_one_less_and_once_it_is_there_nobody_else_does_the_work_again()
    {
        var state = Run(DiskState.Empty, "a", restarts: 2, JobOutcome.Failed);

        var order = JobRestarts.Order(state, state.Jobs["a"]);
        Assert.Equal((1, 1, new JobId("a")), (order.Restarts, order.RestartCount, order.RetryOf));

        state = Run(state, "b", order.Restarts, JobOutcome.Failed, order.RetryOf);
        Assert.Equal(["b"], JobRestarts.Due(state).Select(j => j.Spec.Id.Value));
        Assert.Equal("b", JobRestarts.Next(state, state.Jobs["a"])?.Spec.Id.Value);
    }

    [Fact]
    public void Breaks_between_restarts_grow_to_a_minute() =>
        Assert.Equal([1, 2, 4, 32, 60, 60], new[] { 0, 1, 2, 5, 6, 1000 }.Select(n => (int)JobRestarts.BackOff(n).TotalSeconds));

    [Fact]
    public void The_oldest_jobs_are_forgotten_unless_something_refers_to_them()
    {
        var state = DiskState.Empty;
        for (var i = 0; i < JobHistory.JobsMax + 99; i++)
        {
            state = Run(state, $"{i:d5}", restarts: i == 1 ? 1 : 0, JobOutcome.Failed);
        }

        Assert.Empty(JobHistory.TooOld(state));
        state = DiskTransitions.Apply(
            state, new DiskEvent.BitmapAdded("daily", 1, 65536, true, true, new BitmapBase(BaseState.Partial, new PointId("00003"), "r")));
        state = Run(state, "99999", 0, JobOutcome.Success);

        var old = JobHistory.TooOld(state);
        Assert.Equal(100, old.Count);
        Assert.Equal(["00000", "00002", "00004"], old.Take(3).Select(j => j.Value));
        Assert.Equal(JobHistory.JobsMax, DiskTransitions.Apply(state, new DiskEvent.JobsForgotten(old)).Jobs.Count);
    }

    private static DiskState Run(DiskState state, string id, int restarts, JobOutcome outcome, JobId? retryOf = null)
    {
        var spec = new BackupSpec
        {
            Id = new JobId(id),
            Repository = new RepositoryName("main"),
            RepositoryId = "r",
            RequestedSync = SyncMode.Full,
            Sync = SyncMode.Full,
            Restarts = restarts,
            RetryOf = retryOf,
        };
        var conclusion = new JobConclusion(outcome, BitmapRemainder.Nothing, null, null, null, null, JobStatistics.Empty, []);
        DiskEvent[] events = [new DiskEvent.JobStarted(spec, Now), new DiskEvent.JobConcluded(spec.Id, conclusion, Now), new DiskEvent.JobSettled(spec.Id)];
        return events.Aggregate(state, DiskTransitions.Apply);
    }
}
