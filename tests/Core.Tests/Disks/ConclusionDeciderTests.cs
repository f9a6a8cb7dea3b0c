using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using static ActorBackup.Core.Tests.Disks.Given;

namespace ActorBackup.Core.Tests.Disks;

public sealed class ConclusionDeciderTests
{
    private static readonly PointId New = new(Job.Value);

    [Theory]
    // policy, outcome, forced, a point exists, it is complete → remainder, base
    [InlineData(BitmapSyncPolicy.Always, JobOutcome.Success, false, true, true, BitmapRemainder.Nothing, BaseState.Valid)]
    [InlineData(BitmapSyncPolicy.Always, JobOutcome.Success, false, true, false, BitmapRemainder.Nothing, BaseState.Partial)]
    [InlineData(BitmapSyncPolicy.Conditional, JobOutcome.Success, false, true, true, BitmapRemainder.Nothing, BaseState.Valid)]
    [InlineData(BitmapSyncPolicy.Never, JobOutcome.Success, false, true, true, BitmapRemainder.SyncBitmap, null)]
    [InlineData(BitmapSyncPolicy.Always, JobOutcome.Failed, false, true, false, BitmapRemainder.CopyBitmap, BaseState.Partial)]
    [InlineData(BitmapSyncPolicy.Always, JobOutcome.Cancelled, false, true, false, BitmapRemainder.CopyBitmap, BaseState.Partial)]
    [InlineData(BitmapSyncPolicy.Always, JobOutcome.Interrupted, false, true, false, BitmapRemainder.CopyBitmap, BaseState.Partial)]
    [InlineData(BitmapSyncPolicy.Always, JobOutcome.Failed, false, false, false, BitmapRemainder.SyncBitmap, null)]
    [InlineData(BitmapSyncPolicy.Always, JobOutcome.Cancelled, true, true, false, BitmapRemainder.SyncBitmap, null)]
    [InlineData(BitmapSyncPolicy.Conditional, JobOutcome.Failed, false, true, false, BitmapRemainder.SyncBitmap, null)]
    [InlineData(BitmapSyncPolicy.Conditional, JobOutcome.Cancelled, false, false, false, BitmapRemainder.SyncBitmap, null)]
    [InlineData(BitmapSyncPolicy.Never, JobOutcome.Failed, false, true, false, BitmapRemainder.SyncBitmap, null)]
    public void Bits_go_only_with_the_base_that_makes_them_superfluous(
        BitmapSyncPolicy policy, JobOutcome outcome, bool forced, bool hasPoint, bool complete, BitmapRemainder remainder, BaseState? newBase)
    {
        var state = Online.WithBitmap("b", Base).WithJob("b", policy, SyncMode.Bitmap);

        var conclusion = ConclusionDecider.Conclude(state.Jobs[Job.Value], End(outcome, forced, hasPoint, complete));

        Assert.Equal(remainder, conclusion.Remainder);
        Assert.Equal(newBase, conclusion.Base?.State);
        if (newBase is not null)
        {
            Assert.Equal(new BitmapBase(newBase.Value, New, RepositoryId), conclusion.Base);
        }
    }

    [Fact]
    public void A_job_without_a_bitmap_moves_no_base()
    {
        var state = Online.After(new DiskEvent.JobStarted(Spec(Online, null, null, SyncMode.Full), Now));

        Assert.Null(ConclusionDecider.Conclude(state.Jobs[Job.Value], End(JobOutcome.Success, false, true, true)).Base);
    }

    [Fact]
    public void A_policy_that_changed_while_the_job_ran_is_the_one_that_counts()
    {
        var state = Online.WithBitmap("b", Base).WithJob("b", BitmapSyncPolicy.Conditional, SyncMode.Bitmap)
            .After(new DiskEvent.JobPolicyChanged(Job, BitmapSyncPolicy.Always));

        var conclusion = ConclusionDecider.Conclude(state.Jobs[Job.Value], End(JobOutcome.Failed, false, true, false));

        Assert.Equal(BitmapRemainder.CopyBitmap, conclusion.Remainder);
        Assert.True(ConclusionDecider.KeepsPartialPoint(state.Jobs[Job.Value], isForced: false));
        Assert.False(ConclusionDecider.KeepsPartialPoint(state.Jobs[Job.Value], isForced: true));
    }

    /// <summary>Rule 14. Its successor records nothing, so whatever was written since the job's instant is in no set.</summary>
    [Theory]
    [InlineData(SyncMode.Full)]
    [InlineData(SyncMode.Bitmap)]
    public void A_job_on_a_disabled_bitmap_leaves_it_without_a_base(SyncMode sync)
    {
        var state = Online.WithBitmap("b", recording: false).WithJob("b", BitmapSyncPolicy.Always, sync);

        var conclusion = ConclusionDecider.Conclude(state.Jobs[Job.Value], End(JobOutcome.Success, false, true, true));
        state = state.After(new DiskEvent.JobConcluded(Job, conclusion, Now), new DiskEvent.JobSettled(Job), new DiskEvent.BitmapRecordingChanged("b", true));

        Assert.Equal(BitmapBase.None, state.Bitmaps["b"].Base);
    }

    private static JobEnd End(JobOutcome outcome, bool forced, bool hasPoint, bool complete) =>
        new(outcome, forced, hasPoint ? New : null, complete, null, null, JobStatistics.Empty, []);
}
