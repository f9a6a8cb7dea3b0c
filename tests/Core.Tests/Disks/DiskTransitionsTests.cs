using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Core.Tests.Journal;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using static ActorBackup.Core.Tests.Disks.Given;

namespace ActorBackup.Core.Tests.Disks;

public sealed class DiskTransitionsTests
{
    [Fact]
    public void Every_event_type_has_a_transition()
    {
        var state = Online.WithBitmap("daily").After(new DiskEvent.JobStarted(Spec(Online, null, null, SyncMode.Full) with { Id = new JobId("01kas1cnw0000g40r40m30e209") }, Now));

        foreach (var e in EventSamples.All.Select(s => s.Event).OfType<DiskEvent>())
        {
            Assert.NotNull(DiskTransitions.Apply(state, e));
        }
    }

    [Fact]
    public void A_disk_that_was_removed_leaves_its_jobs_and_set_ids()
    {
        var state = Online.WithBusyBitmap("b").After(new DiskEvent.DiskRemoved(Now));

        Assert.Null(state.Definition);
        Assert.Empty(state.Bitmaps);
        Assert.Single(state.Jobs);
        Assert.True(state.NextSetId > 2);
    }

    [Fact]
    public void The_bitmap_is_busy_until_its_sets_are_settled()
    {
        var state = Online.WithBusyBitmap("b");
        Assert.Single(state.UnfinishedJobs);

        state = state.After(Concluded(JobOutcome.Success));
        Assert.Equal(Job, state.Bitmaps["b"].BusyWith);
        Assert.Empty(state.UnfinishedJobs);
        Assert.False(state.Jobs[Job.Value].IsSettled);

        state = state.After(new DiskEvent.JobSettled(Job));
        Assert.Null(state.Bitmaps["b"].BusyWith);
        Assert.True(state.Jobs[Job.Value].IsSettled);
    }

    [Fact]
    public void The_last_suspension_counts_until_the_job_waits_for_a_person_or_ends()
    {
        var suspended = new SuspendedJob(3, Now, JobStatistics.Empty, 0, false, null, null);
        var state = Online.WithBusyBitmap("b").After(new DiskEvent.JobSuspended(Job, suspended), new DiskEvent.JobSuspended(Job, suspended with { Generation = 5 }));
        Assert.Equal(5u, state.Jobs[Job.Value].Suspended?.Generation);
        Assert.Equal(Job, state.Bitmaps["b"].BusyWith);
        Assert.Single(state.UnfinishedJobs);

        Assert.Null(state.After(Concluded(JobOutcome.Success)).Jobs[Job.Value].Suspended);
        Assert.Null(state.After(new DiskEvent.JobPending(Job, new PendingJob(null, null, JobStatistics.Empty, [], Now))).Jobs[Job.Value].Suspended);
    }

    [Fact]
    public void Settling_twice_is_settling_once()
    {
        var state = Online.WithBusyBitmap("b").After(Concluded(JobOutcome.Failed), new DiskEvent.JobSettled(Job));

        Assert.Equivalent(state, state.After(new DiskEvent.JobSettled(Job)), strict: true);
    }

    [Fact]
    public void A_late_settlement_does_not_free_a_bitmap_that_another_job_holds()
    {
        var second = new JobId("job-2");
        var state = Online.WithBusyBitmap("b").After(Concluded(JobOutcome.Failed), new DiskEvent.JobSettled(Job));
        state = state.After(new DiskEvent.JobStarted(Spec(state, "b", BitmapSyncPolicy.Always, SyncMode.Full) with { Id = second }, Now));

        Assert.Equal(second, state.After(new DiskEvent.JobSettled(Job)).Bitmaps["b"].BusyWith);
    }

    [Fact]
    public void Only_a_success_counts_as_the_last_backup()
    {
        var failed = Online.WithBusyBitmap("b").After(Concluded(JobOutcome.Failed));
        var succeeded = Online.WithBusyBitmap("b").After(Concluded(JobOutcome.Success));

        Assert.Equal((null, null), (failed.LastPoint, failed.LastSuccessAt));
        Assert.Equal((Point, (DateTimeOffset?)Now), (succeeded.LastPoint, succeeded.LastSuccessAt));
    }

    [Fact]
    public void An_invalidated_bitmap_has_no_base_and_says_why()
    {
        var bitmap = Online.WithInconsistentBitmap("b").Bitmaps["b"];

        Assert.Equal(("test", BitmapBase.None), (bitmap.InconsistentReason, bitmap.Base));
    }

    [Fact]
    public void A_deleted_point_is_remembered_until_the_repository_has_deleted_it() =>
        Assert.Contains((Point, RepositoryId), Online.After(new DiskEvent.PointDeleted(Point, RepositoryId)).DeletedPoints);

    private static DiskEvent.JobConcluded Concluded(JobOutcome outcome) =>
        new(Job, new JobConclusion(outcome, BitmapRemainder.SyncBitmap, null, Point, null, null, JobStatistics.Empty, []), Now);

    [Fact]
    public void A_deletion_is_remembered_when_the_disk_is_removed() =>
        Assert.Contains((Point, RepositoryId), Online.After(new DiskEvent.PointDeleted(Point, RepositoryId), new DiskEvent.DiskRemoved(Now)).DeletedPoints);
}
