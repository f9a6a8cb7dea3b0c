using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using static ActorBackup.Core.Tests.Disks.Given;

namespace ActorBackup.Core.Tests.Disks;

public sealed class ExportDeciderTests
{
    private static readonly Dictionary<BitmapAddress, Refusal?> NoForeign = [];

    [Fact]
    public void A_disk_begins_exported_without_bitmaps()
    {
        Assert.False(Online.IsUnexported);
        Assert.Empty(Online.WithBitmap("b").ExportedBitmaps);
        Assert.Empty(Export(Online).Events);
    }

    [Fact]
    public void An_exported_bitmap_is_busy_for_everybody()
    {
        var state = Online.WithBitmap("b").WithBitmap("c");
        state = state.After(Export(state, "b"));

        AssertRefused(RefusalCode.Busy, BitmapDecider.Remove(state, new DiskCommand.RemoveBitmap("b") { Disk = Disk }));
        AssertRefused(RefusalCode.Busy, BitmapDecider.Clear(state, new DiskCommand.ClearBitmap("b") { Disk = Disk }));
        AssertRefused(RefusalCode.Busy, BitmapDecider.SetRecording(state, new DiskCommand.SetBitmapRecording("b", false) { Disk = Disk }));
        AssertRefused(RefusalCode.Busy, BitmapDecider.SetRecording(state, new DiskCommand.SetBitmapRecording("b", true) { Disk = Disk }));
        AssertRefused(RefusalCode.Busy, Merge(state, "b", "c"));
        AssertRefused(RefusalCode.Busy, Merge(state, "c", "b"));
        AssertRefused(RefusalCode.Busy, BackupDecider.Start(state, Disk, Order(SyncMode.Full, "b", BitmapSyncPolicy.Always), false, Job, Now));
        Assert.Equal(RefusalCode.Busy, ExportDecider.RefuseResize(state, Disk)?.Code);
        Assert.True(state.Bitmaps["b"].Recording);
        Assert.False(state.Bitmaps["c"].IsExported);
    }

    [Fact]
    public void A_backup_that_chooses_by_itself_does_not_take_an_exported_bitmap_either()
    {
        var name = BackupDecider.AutoBitmap(Repository);
        var state = Online.WithBitmap(name);

        AssertRefused(RefusalCode.Busy, BackupDecider.Start(state.After(Export(state, name)), Disk, Order(SyncMode.Auto), false, Job, Now));
    }

    [Fact]
    public void Those_that_are_named_are_exported_instead_of_those_before()
    {
        var state = Online.WithBitmap("a").WithBitmap("b").WithBitmap("c");
        state = state.After(Export(state, "a", "b"));
        state = state.After(Export(state, "b", "c"));

        Assert.Equal(["b", "c"], state.ExportedBitmaps.Select(b => b.Name));
        Assert.Null(BitmapDecider.Remove(state, new DiskCommand.RemoveBitmap("a") { Disk = Disk }).Refusal);
        Assert.Null(ExportDecider.RefuseResize(state.After(Export(state)), Disk));
    }

    [Fact]
    public void Saying_the_same_again_is_no_event()
    {
        var state = Online.WithBitmap("a").WithBitmap("b");
        state = state.After(Export(state, "a", "b"));

        Assert.Empty(AcceptedEvents(Export(state, "b", "a")));
        state = state.After(Unexport(state));
        Assert.Empty(AcceptedEvents(Unexport(state)));
        Assert.Single(AcceptedEvents(Export(state)));
    }

    [Fact]
    public void What_cannot_be_exported_is_refused_in_the_order_of_the_names()
    {
        var state = Online.WithBitmap("a").WithBusyBitmap("busy").WithInconsistentBitmap("lost");

        AssertRefused(RefusalCode.UnknownBitmap, Export(state, "a", "none", "busy"));
        AssertRefused(RefusalCode.Busy, Export(state, "a", "busy", "none"));
        AssertRefused(RefusalCode.Inconsistent, Export(state, "lost", "busy"));
        AssertRefused(RefusalCode.Busy, Export(state, "a", "a"));
        AssertRefused(RefusalCode.InvalidArgument, Export(state, [.. Enumerable.Repeat("a", ExportDecider.BitmapsMax + 1)]));
    }

    [Fact]
    public void A_disk_that_is_not_there_or_stopped_is_refused()
    {
        AssertRefused(RefusalCode.UnknownDisk, Export(DiskState.Empty));
        AssertRefused(RefusalCode.UnknownDisk, Unexport(DiskState.Empty));
        var stopped = Online.After(new DiskEvent.DiskStopped(Now));
        AssertRefused(RefusalCode.WrongState, Export(stopped));
        AssertRefused(RefusalCode.WrongState, Unexport(stopped));
    }

    [Fact]
    public void An_unexported_disk_has_no_exported_bitmaps_and_comes_back_without()
    {
        var state = Online.WithBitmap("b");
        state = state.After(Export(state, "b"));
        state = state.After(Unexport(state));

        Assert.True(state.IsUnexported);
        Assert.Empty(state.ExportedBitmaps);
        state = state.After(Export(state));
        Assert.False(state.IsUnexported);
        Assert.Empty(state.ExportedBitmaps);
    }

    [Fact]
    public void A_stop_keeps_the_export_as_it_is()
    {
        var state = Online.WithBitmap("b");
        state = state.After(Export(state, "b")).After(new DiskEvent.DiskStopped(Now), new DiskEvent.DiskStarted(Now));

        Assert.True(state.Bitmaps["b"].IsExported);
    }

    [Fact]
    public void A_bitmap_that_becomes_inconsistent_is_not_exported_any_more_and_can_be_removed()
    {
        var state = Online.WithBitmap("b");
        state = state.After(Export(state, "b")).After(new DiskEvent.BitmapInvalidated("b", "test"));

        Assert.Empty(state.ExportedBitmaps);
        AssertAccepted<DiskEvent.BitmapRemoved>(BitmapDecider.Remove(state, new DiskCommand.RemoveBitmap("b") { Disk = Disk }));
    }

    [Fact]
    public void A_disk_that_is_added_again_is_exported()
    {
        var state = Online.After(Unexport(Online)).After(new DiskEvent.DiskRemoved(Now), new DiskEvent.DiskAdded(Online.Definition!, Now));

        Assert.False(state.IsUnexported);
    }

    private static IReadOnlyList<DiskEvent> AcceptedEvents(Decision<DiskEvent> decision)
    {
        Assert.Null(decision.Refusal);
        return decision.Events;
    }

    private static Decision<DiskEvent> Export(DiskState state, params string[] bitmaps) =>
        ExportDecider.Export(state, new DiskCommand.ExportDisk(bitmaps) { Disk = Disk }, Now);

    private static Decision<DiskEvent> Unexport(DiskState state) => ExportDecider.Unexport(state, Disk, Now);

    private static Decision<DiskEvent> Merge(DiskState state, string target, string source) =>
        BitmapDecider.Merge(state, new DiskCommand.MergeBitmaps(target, [new BitmapAddress(Disk, source)]) { Disk = Disk }, NoForeign);

    [Fact]
    public void A_disk_that_is_half_restored_is_exported_only_when_somebody_says_so()
    {
        var half = Online.After(new DiskEvent.DiskRestoreBegun(Job, Point, Now));
        Assert.Equal(new DiskRestore(Job, Point, WasWhole: true), half.Restore);

        AssertAccepted<DiskEvent.DiskRestoreEnded>(ExportDecider.Export(half, new DiskCommand.ExportDisk([]) { Disk = Disk }, Now));

        var hidden = half.After(new DiskEvent.DiskUnexported(Now));
        var asItIs = hidden.After(ExportDecider.Export(hidden, new DiskCommand.ExportDisk([]) { Disk = Disk }, Now));
        Assert.Null(asItIs.Restore);
        Assert.False(asItIs.IsUnexported);
    }

    [Fact]
    public void A_restore_that_changed_nothing_leaves_a_whole_disk_whole_and_half_of_one_half()
    {
        var half = Online.After(new DiskEvent.DiskRestoreBegun(Job, Point, Now));
        var again = new JobId("job-2");
        var twice = half.After(new DiskEvent.DiskRestoreBegun(again, Point, Now));

        AssertAccepted<DiskEvent.DiskRestoreEnded>(ExportDecider.EndRestore(half, Ended(Job, isUntouched: true), Now));
        AssertAccepted<DiskEvent.DiskRestoreEnded>(ExportDecider.EndRestore(half, Ended(Job, isComplete: true), Now));
        AssertAccepted<DiskEvent.DiskRestoreEnded>(ExportDecider.EndRestore(twice, Ended(again, isComplete: true), Now));
        Assert.Empty(ExportDecider.EndRestore(half, Ended(Job), Now).Events);
        Assert.Empty(ExportDecider.EndRestore(twice, Ended(again, isUntouched: true), Now).Events);
        Assert.Empty(ExportDecider.EndRestore(twice, Ended(Job, isComplete: true), Now).Events);
        Assert.Empty(ExportDecider.EndRestore(Online, Ended(Job, isComplete: true), Now).Events);
    }

    private static DiskCommand.EndRestore Ended(JobId job, bool isComplete = false, bool isUntouched = false) => new(job, isComplete, isUntouched) { Disk = Disk };
}
