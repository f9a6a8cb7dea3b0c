using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using static ActorBackup.Core.Tests.Disks.Given;

namespace ActorBackup.Core.Tests.Disks;

public sealed class BackupDeciderTests
{
    private static readonly BitmapBase Elsewhere = new(BaseState.Valid, Point, "another-id");

    [Fact]
    public void A_disk_that_is_unknown_or_stopped_runs_nothing()
    {
        AssertRefused(RefusalCode.UnknownDisk, Start(DiskState.Empty, Order(SyncMode.Full)));
        AssertRefused(RefusalCode.WrongState, Start(Online.After(new DiskEvent.DiskStopped(Now)), Order(SyncMode.Full)));
    }

    [Theory]
    [InlineData(BitmapSyncPolicy.Always)]
    [InlineData(BitmapSyncPolicy.Conditional)]
    public void A_job_over_nothing_does_not_move_a_base_to_another_repository(BitmapSyncPolicy policy)
    {
        var state = Online.WithBitmap("b", Elsewhere);

        AssertRefused(RefusalCode.BaseElsewhere, Start(state, Order(SyncMode.Bitmap, "b", policy) with { WithoutBase = true }));
        Assert.Null(Started(Start(state, Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Never) with { WithoutBase = true })).Base);
    }

    [Theory]
    [InlineData(SyncMode.Full, "none", null, RefusalCode.UnknownBitmap)]
    [InlineData(SyncMode.Full, "none", BitmapSyncPolicy.Never, RefusalCode.UnknownBitmap)]
    [InlineData(SyncMode.None, "none", BitmapSyncPolicy.Never, RefusalCode.UnknownBitmap)]
    [InlineData(SyncMode.Bitmap, "none", null, RefusalCode.UnknownBitmap)]
    [InlineData(SyncMode.Incremental, "none", null, RefusalCode.UnknownBitmap)]
    [InlineData(SyncMode.Incremental, "none", BitmapSyncPolicy.Always, RefusalCode.InvalidPolicy)]
    [InlineData(SyncMode.Incremental, "none", BitmapSyncPolicy.Never, RefusalCode.InvalidPolicy)]
    [InlineData(SyncMode.Bitmap, "b", null, RefusalCode.InvalidPolicy)]
    [InlineData(SyncMode.Full, "b", BitmapSyncPolicy.Never, RefusalCode.InvalidPolicy)]
    [InlineData(SyncMode.Full, null, BitmapSyncPolicy.Always, RefusalCode.InvalidPolicy)]
    [InlineData(SyncMode.Auto, "b", null, RefusalCode.InvalidPolicy)]
    [InlineData(SyncMode.Bitmap, "busy", BitmapSyncPolicy.Always, RefusalCode.Busy)]
    [InlineData(SyncMode.Full, "busy", BitmapSyncPolicy.Always, RefusalCode.Busy)]
    [InlineData(SyncMode.Bitmap, "bad", BitmapSyncPolicy.Always, RefusalCode.Inconsistent)]
    [InlineData(SyncMode.Incremental, "bad", null, RefusalCode.Inconsistent)]
    public void What_cannot_run_is_refused(SyncMode sync, string? bitmap, BitmapSyncPolicy? policy, RefusalCode code) =>
        AssertRefused(code, Start(Online.WithBitmap("b", Base).WithBusyBitmap("busy").WithInconsistentBitmap("bad"), Order(sync, bitmap, policy)));

    [Fact]
    public void A_full_backup_without_a_bitmap_has_no_sets_and_no_base()
    {
        var spec = Started(Start(Online.WithBitmap("b", Base), Order(SyncMode.Full)));

        Assert.Equal((SyncMode.Full, null, 0ul, 0ul, null, null), (spec.Sync, spec.Bitmap, spec.BitmapSet, spec.SuccessorSet, spec.Base, spec.Policy));
    }

    [Fact]
    public void An_instant_that_is_only_served_leaves_bitmaps_alone()
    {
        var spec = Started(Start(Online.WithBitmap("b", Base), Order(SyncMode.None)));

        Assert.Equal((SyncMode.None, null, 0ul, 0ul, null, null), (spec.Sync, spec.Bitmap, spec.BitmapSet, spec.SuccessorSet, spec.Base, spec.Policy));
    }

    [Fact]
    public void A_backup_with_a_bitmap_takes_a_fresh_successor_and_makes_the_bitmap_busy()
    {
        var state = Online.WithBitmap("b", Base);

        var decision = Start(state, Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always));
        var spec = Started(decision);
        var after = state.After(decision);

        Assert.Equal((state.Bitmaps["b"].SetId, state.NextSetId, Point), (spec.BitmapSet, spec.SuccessorSet, spec.Base));
        Assert.Equal(Job, after.Bitmaps["b"].BusyWith);
        Assert.True(after.NextSetId > spec.SuccessorSet);
        AssertRefused(RefusalCode.Busy, BackupDecider.Start(after, Disk, Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always), true, new JobId("2"), Now));
    }

    [Fact]
    public void A_full_backup_with_a_bitmap_does_not_count_from_the_bitmaps_base() =>
        Assert.Null(Started(Start(Online.WithBitmap("b", Base), Order(SyncMode.Full, "b", BitmapSyncPolicy.Always))).Base);

    [Fact]
    public void Incremental_is_bitmap_with_conditional()
    {
        var spec = Started(Start(Online.WithBitmap("b", Base), Order(SyncMode.Incremental, "b")));

        Assert.Equal((SyncMode.Bitmap, SyncMode.Incremental, BitmapSyncPolicy.Conditional, Point), (spec.Sync, spec.RequestedSync, spec.Policy, spec.Base));
    }

    [Fact]
    public void A_partial_base_can_be_counted_from()
    {
        var partial = Online.WithBitmap("b", Base with { State = BaseState.Partial });

        Assert.Equal(Point, Started(Start(partial, Order(SyncMode.Incremental, "b"))).Base);
    }

    [Theory]
    [InlineData("none", RefusalCode.NoBase)]
    [InlineData("elsewhere", RefusalCode.BaseElsewhere)]
    [InlineData("lost", RefusalCode.BaseLost)]
    public void Incremental_without_a_usable_base_is_refused_or_falls_back_to_full_when_told(string what, RefusalCode code)
    {
        var (state, isThere) = Unusable(what);

        AssertRefused(code, Start(state, Order(SyncMode.Incremental, "b"), isThere));
        var spec = Started(Start(state, Order(SyncMode.Incremental, "b") with { FallbackToFull = true }, isThere));

        Assert.Equal((SyncMode.Full, null, "b", BitmapSyncPolicy.Conditional), (spec.Sync, spec.Base, spec.Bitmap, spec.Policy));
        Assert.NotNull(spec.FallbackReason);
    }

    [Fact]
    public void A_bitmap_backup_without_a_base_copies_its_blocks_over_nothing()
    {
        var spec = Started(Start(Online.WithBitmap("b"), Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always), false));

        Assert.Equal((SyncMode.Bitmap, null), (spec.Sync, spec.Base));
    }

    [Theory]
    [InlineData("elsewhere", RefusalCode.BaseElsewhere)]
    [InlineData("lost", RefusalCode.BaseLost)]
    public void A_bitmap_backup_never_counts_from_a_base_that_is_not_there(string what, RefusalCode code)
    {
        var (state, isThere) = Unusable(what);

        AssertRefused(code, Start(state, Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always), isThere));
    }

    [Fact]
    public void A_fallback_of_never_runs_without_the_bitmap()
    {
        var spec = Started(Start(Online.WithBitmap("b"), Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Never) with { FallbackToFull = true }, false));

        Assert.Equal((SyncMode.Full, null, null, 0ul, 0ul), (spec.Sync, spec.Bitmap, spec.Policy, spec.BitmapSet, spec.SuccessorSet));
        Assert.NotNull(spec.FallbackReason);
    }

    [Fact]
    public void Base_none_lays_the_point_over_nothing()
    {
        var spec = Started(Start(Online.WithBitmap("b", Base), Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always) with { WithoutBase = true }));

        Assert.Equal((SyncMode.Bitmap, null), (spec.Sync, spec.Base));
    }

    [Fact]
    public void Auto_makes_its_bitmap_and_starts_with_a_full_backup()
    {
        var decision = Start(Online, Order(SyncMode.Auto), false);

        var added = Assert.IsType<DiskEvent.BitmapAdded>(decision.Events[0]);
        var spec = Assert.IsType<DiskEvent.JobStarted>(decision.Events[1]).Spec;
        Assert.Equal(("auto.main", true, true), (added.Name, added.Recording, added.Persistent));
        Assert.Equal((SyncMode.Full, "auto.main", BitmapSyncPolicy.Always, added.SetId), (spec.Sync, spec.Bitmap, spec.Policy, spec.BitmapSet));
        Assert.NotEqual(added.SetId, spec.SuccessorSet);
        Assert.NotNull(spec.FallbackReason);
    }

    [Fact]
    public void Auto_goes_on_from_its_bitmaps_base()
    {
        var spec = Started(Start(Online.WithBitmap("auto.main", Base), Order(SyncMode.Auto)));

        Assert.Equal((SyncMode.Bitmap, SyncMode.Auto, Point, null), (spec.Sync, spec.RequestedSync, spec.Base, spec.FallbackReason));
    }

    [Fact]
    public void Auto_runs_full_and_says_why_when_its_base_cannot_be_used()
    {
        var states = new[]
        {
            (Online.WithBitmap("auto.main"), true),
            (Online.WithBitmap("auto.main", Elsewhere), true),
            (Online.WithBitmap("auto.main", Base), false),
            (Online.WithBitmap("auto.main", Base, recording: false), true),
        };
        foreach (var (state, isThere) in states)
        {
            var spec = Started(Start(state, Order(SyncMode.Auto), isThere));
            Assert.Equal((SyncMode.Full, null), (spec.Sync, spec.Base));
            Assert.NotNull(spec.FallbackReason);
        }
    }

    [Fact]
    public void Only_a_base_in_the_orders_repository_is_looked_for()
    {
        var order = Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Always);

        Assert.Equal(Point, BackupDecider.BaseToLookFor(Online.WithBitmap("b", Base), order));
        Assert.Null(BackupDecider.BaseToLookFor(Online.WithBitmap("b", Elsewhere), order));
        Assert.Null(BackupDecider.BaseToLookFor(Online.WithBitmap("b"), order));
        Assert.Null(BackupDecider.BaseToLookFor(Online, order));
        Assert.Equal(Point, BackupDecider.BaseToLookFor(Online.WithBitmap("auto.main", Base), Order(SyncMode.Auto)));
    }

    [Fact]
    public void What_was_ordered_is_what_runs()
    {
        var order = Order(SyncMode.Full) with
        {
            RateBytesPerSecond = 5,
            Workers = 3,
            OnSourceError = ErrorPolicy.Ignore,
            BreakGuestWrite = true,
            CbwTimeoutSeconds = 9,
            AutoFinalize = false,
            AutoDismiss = false,
        };

        var spec = Started(Start(Online, order));

        Assert.Equal(
            (5L, 3, true, true, 9, false, false),
            (spec.RateBytesPerSecond, spec.Workers, spec.OnSourceError == ErrorPolicy.Ignore, spec.BreakGuestWrite, spec.CbwTimeoutSeconds, spec.AutoFinalize, spec.AutoDismiss));
    }

    [Fact]
    public void The_retry_of_a_full_backup_that_kept_its_work_copies_only_the_rest()
    {
        var state = Online.WithBitmap("b").WithJob("b");
        state = Fail(state, new PointId(Job.Value));

        var retry = BackupDecider.Retry(state.Jobs[Job.Value], state);

        Assert.Equal((SyncMode.Bitmap, "b", BitmapSyncPolicy.Always), (retry.Sync, retry.Bitmap, retry.Policy));
        Assert.Equal(Job.Value, Started(Start(state, retry)).Base?.Value);
    }

    [Fact]
    public void The_retry_of_a_full_backup_that_kept_nothing_is_full_again()
    {
        var state = Fail(Online.WithBitmap("b").WithJob("b"), null);

        Assert.Equal(SyncMode.Full, BackupDecider.Retry(state.Jobs[Job.Value], state).Sync);
    }

    [Fact]
    public void The_retry_of_a_backup_that_fell_back_to_full_may_fall_back_again()
    {
        var state = Online.WithBitmap("b");
        state = state.After(Start(state, Order(SyncMode.Incremental, "b") with { FallbackToFull = true }, false));
        state = Fail(state, null);

        var retry = BackupDecider.Retry(state.Jobs[Job.Value], state);

        Assert.Null(BackupDecider.Start(state, Disk, retry, false, new JobId("job-2"), Now).Refusal);
    }

    [Fact]
    public void The_retry_of_a_differential_that_fell_back_to_full_can_run()
    {
        var state = Online.WithBitmap("b");
        state = state.After(Start(state, Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Never) with { FallbackToFull = true }, false));
        state = Fail(state, null);

        var retry = BackupDecider.Retry(state.Jobs[Job.Value], state);

        Assert.Null(BackupDecider.Start(state, Disk, retry, false, new JobId("job-2"), Now).Refusal);
    }

    [Fact]
    public void The_retry_of_a_backup_over_nothing_is_over_nothing_when_it_kept_nothing()
    {
        var state = Online.WithBitmap("b", Base);
        state = state.After(Start(state, Order(SyncMode.Bitmap, "b", BitmapSyncPolicy.Conditional) with { WithoutBase = true }));
        state = Fail(state, null);

        var retry = BackupDecider.Retry(state.Jobs[Job.Value], state);

        Assert.Null(Started(BackupDecider.Start(state, Disk, retry, true, new JobId("job-2"), Now)).Base);
    }

    private static (DiskState State, bool IsThere) Unusable(string what) => what switch
    {
        "none" => (Online.WithBitmap("b"), true),
        "elsewhere" => (Online.WithBitmap("b", Elsewhere), true),
        _ => (Online.WithBitmap("b", Base), false),
    };

    private static DiskState Fail(DiskState state, PointId? partial)
    {
        var end = new JobEnd(JobOutcome.Failed, false, partial, false, "test", "IoError", JobStatistics.Empty, []);
        return state.After(
            new DiskEvent.JobConcluded(Job, ConclusionDecider.Conclude(state.Jobs[Job.Value], end), Now), new DiskEvent.JobSettled(Job));
    }

    private static Decision<DiskEvent> Start(DiskState state, BackupOrder order, bool baseIsThere = true) =>
        BackupDecider.Start(state, Disk, order, baseIsThere, Job, Now);

    private static BackupSpec Started(Decision<DiskEvent> decision)
    {
        var started = AssertAccepted<DiskEvent.JobStarted>(decision);
        Assert.Equal(Now, started.At);
        return started.Spec;
    }
}
