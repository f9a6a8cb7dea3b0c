using ActorBackup.Core.Identity;
using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using static ActorBackup.Core.Tests.Disks.Given;

namespace ActorBackup.Core.Tests.Disks;

public sealed class BitmapDeciderTests
{
    private static readonly Dictionary<BitmapAddress, Refusal?> NoForeign = [];

    private static readonly DiskId Other = new("vdb");

    private static readonly AssertedBase Asserted = new(Point, RepositoryId, 1 << 20, 65_536, IsComplete: true);

    [Fact]
    public void Every_command_on_a_disk_that_is_not_there_is_refused() =>
        Assert.All(Everything(DiskState.Empty), d => AssertRefused(RefusalCode.UnknownDisk, d));

    [Fact]
    public void Every_command_on_a_stopped_disk_is_refused() =>
        Assert.All(Everything(Online.WithBitmap("b").After(new DiskEvent.DiskStopped(Now))), d => AssertRefused(RefusalCode.WrongState, d));

    [Fact]
    public void A_new_bitmap_takes_the_disks_block_and_a_set_of_its_own()
    {
        var state = Online.WithBitmap("a");

        var added = AssertAccepted<DiskEvent.BitmapAdded>(BitmapDecider.Add(state, Add("b")));

        Assert.Equal(new DiskEvent.BitmapAdded("b", state.NextSetId, 65_536, true, true, BitmapBase.None), added);
    }

    [Fact]
    public void A_set_id_is_never_used_again_even_after_the_disk_was_removed()
    {
        var state = Online.WithBitmap("a");
        var first = state.Bitmaps["a"].SetId;
        var definition = state.Definition!;

        state = state.After(new DiskEvent.BitmapRemoved("a")).WithBitmap("a");
        var second = state.Bitmaps["a"].SetId;
        state = state.After(new DiskEvent.DiskRemoved(Now), new DiskEvent.DiskAdded(definition, Now)).WithBitmap("a");

        Assert.Equal(3, new HashSet<ulong> { first, second, state.Bitmaps["a"].SetId }.Count);
    }

    [Theory]
    [InlineData("", 0L, RefusalCode.InvalidName)]
    [InlineData("", 3L, RefusalCode.InvalidName)]
    [InlineData("taken", 3L, RefusalCode.InvalidGranularity)]
    [InlineData("new", 256L, RefusalCode.InvalidGranularity)]
    [InlineData("new", 1L << 32, RefusalCode.InvalidGranularity)]
    [InlineData("new", -512L, RefusalCode.InvalidGranularity)]
    [InlineData("taken", 512L, RefusalCode.Duplicate)]
    public void What_cannot_be_added_is_refused_in_QEMUs_order(string name, long granularity, RefusalCode code) =>
        AssertRefused(code, BitmapDecider.Add(Online.WithBitmap("taken"), Add(name, granularity == 0 ? null : granularity)));

    [Theory]
    [InlineData(true, BaseState.Valid)]
    [InlineData(false, BaseState.Partial)]
    public void A_new_bitmap_may_count_from_a_point_that_fits_the_disk(bool isComplete, BaseState state)
    {
        var added = AssertAccepted<DiskEvent.BitmapAdded>(BitmapDecider.Add(Online, Add("b") with { Base = Asserted with { IsComplete = isComplete } }));

        Assert.Equal(new BitmapBase(state, Point, RepositoryId), added.Base);
    }

    [Fact]
    public void A_base_that_could_not_be_true_is_refused()
    {
        AssertRefused(RefusalCode.InvalidArgument, BitmapDecider.Add(Online, new DiskCommand.AddBitmap("b", null, false, true) { Disk = Disk, Base = Asserted }));
        AssertRefused(RefusalCode.InvalidSize, BitmapDecider.Add(Online, Add("b") with { Base = Asserted with { SizeBytes = 1 << 21 } }));
        AssertRefused(RefusalCode.InvalidGranularity, BitmapDecider.Add(Online, Add("b") with { Base = Asserted with { BlockBytes = 4096 } }));
        AssertRefused(
            RefusalCode.UnknownPoint, BitmapDecider.Add(Online.After(new DiskEvent.PointDeleted(Point, RepositoryId)), Add("b") with { Base = Asserted }));
        AssertRefused(RefusalCode.Duplicate, BitmapDecider.Add(Online.WithBitmap("b"), Add("b") with { Base = Asserted with { SizeBytes = 1 } }));
    }

    [Fact]
    public void An_empty_name_is_invalid_whatever_the_state() => AssertRefused(RefusalCode.InvalidName, BitmapDecider.Add(DiskState.Empty, Add("")));

    [Fact]
    public void A_name_of_1023_bytes_is_accepted_and_one_of_1024_refused()
    {
        AssertAccepted<DiskEvent.BitmapAdded>(BitmapDecider.Add(Online, Add(new string('a', 1023))));
        AssertRefused(RefusalCode.InvalidName, BitmapDecider.Add(Online, Add(new string('a', 1024))));
    }

    [Fact]
    public void A_bitmap_that_is_not_there_is_unknown_to_every_command()
    {
        AssertRefused(RefusalCode.UnknownBitmap, Remove(Online));
        AssertRefused(RefusalCode.UnknownBitmap, Clear(Online));
        AssertRefused(RefusalCode.UnknownBitmap, Record(Online, true));
        AssertRefused(RefusalCode.UnknownBitmap, Record(Online, false));
        AssertRefused(RefusalCode.UnknownBitmap, Merge(Online.WithBitmap("c"), "b", "c"));
        AssertRefused(RefusalCode.UnknownBitmap, Merge(Online.WithBitmap("b"), "b", "c"));
    }

    [Fact]
    public void A_busy_bitmap_refuses_every_command()
    {
        var state = Online.WithBusyBitmap("b").WithBitmap("c");

        AssertRefused(RefusalCode.Busy, Remove(state));
        AssertRefused(RefusalCode.Busy, Clear(state));
        AssertRefused(RefusalCode.Busy, Record(state, true));
        AssertRefused(RefusalCode.Busy, Record(state, false));
        AssertRefused(RefusalCode.Busy, Merge(state, "b", "c"));
        AssertRefused(RefusalCode.Busy, Merge(state, "c", "b"));
    }

    [Fact]
    public void An_inconsistent_bitmap_can_only_be_removed()
    {
        var state = Online.WithInconsistentBitmap("b").WithBitmap("c");

        AssertAccepted<DiskEvent.BitmapRemoved>(Remove(state));
        AssertRefused(RefusalCode.Inconsistent, Clear(state));
        AssertRefused(RefusalCode.Inconsistent, Record(state, true));
        AssertRefused(RefusalCode.Inconsistent, Record(state, false));
        AssertRefused(RefusalCode.Inconsistent, Merge(state, "b", "c"));
        AssertRefused(RefusalCode.Inconsistent, Merge(state, "c", "b"));
        AssertRefused(RefusalCode.Duplicate, BitmapDecider.Add(state, Add("b")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Enable_and_disable_are_idempotent(bool recording)
    {
        var state = Online.WithBitmap("b", recording: recording);

        Assert.Equal(Decision<DiskEvent>.Accept().Events, Record(state, recording).Events);
        Assert.Null(Record(state, recording).Refusal);
        Assert.Equal(!recording, AssertAccepted<DiskEvent.BitmapRecordingChanged>(Record(state, !recording)).Recording);
    }

    [Fact]
    public void Clearing_and_disabling_break_the_base_and_enabling_does_not_mend_it()
    {
        var state = Online.WithBitmap("b", Base);

        Assert.Equal(BitmapBase.None, state.After(Clear(state)).Bitmaps["b"].Base);
        state = state.After(Record(state, false));
        Assert.Equal(BitmapBase.None, state.Bitmaps["b"].Base);
        Assert.Equal(BitmapBase.None, state.After(Record(state, true)).Bitmaps["b"].Base);
    }

    [Fact]
    public void A_merge_leaves_the_targets_base_and_names_its_sources()
    {
        var state = Online.WithBitmap("b", Base).WithBitmap("c", recording: false);
        var foreign = new BitmapAddress(Other, "x");

        var decision = BitmapDecider.Merge(
            state,
            new DiskCommand.MergeBitmaps("b", [new BitmapAddress(Disk, "c"), new BitmapAddress(Disk, "b"), foreign]) { Disk = Disk },
            new Dictionary<BitmapAddress, Refusal?> { [foreign] = null });

        Assert.Equal(["c", "b", "vdb/x"], AssertAccepted<DiskEvent.BitmapMerged>(decision).Sources);
        Assert.Equal(Base, state.After(decision).Bitmaps["b"].Base);
    }

    [Fact]
    public void A_merge_of_nothing_still_wants_a_usable_target()
    {
        AssertRefused(RefusalCode.Busy, Merge(Online.WithBusyBitmap("b"), "b"));
        AssertRefused(RefusalCode.Inconsistent, Merge(Online.WithInconsistentBitmap("b"), "b"));
        AssertAccepted<DiskEvent.BitmapMerged>(Merge(Online.WithBitmap("b"), "b"));
    }

    [Fact]
    public void An_unknown_source_is_reported_before_a_busy_target_and_that_before_a_busy_source()
    {
        var state = Online.WithBusyBitmap("b").WithInconsistentBitmap("bad");

        AssertRefused(RefusalCode.UnknownBitmap, Merge(state, "b", "nobody"));
        AssertRefused(RefusalCode.Busy, Merge(state, "b", "bad"));
        AssertRefused(RefusalCode.Inconsistent, Merge(state.WithBitmap("ok"), "ok", "bad", "nobody"));
    }

    [Theory]
    [InlineData(RefusalCode.UnknownBitmap)]
    [InlineData(RefusalCode.UnknownDisk)]
    [InlineData(RefusalCode.Busy)]
    [InlineData(RefusalCode.Inconsistent)]
    [InlineData(RefusalCode.InvalidSize)]
    public void A_source_on_another_disk_brings_its_own_refusal(RefusalCode code)
    {
        var foreign = new BitmapAddress(Other, "x");

        AssertRefused(code, BitmapDecider.Merge(
            Online.WithBitmap("b"),
            new DiskCommand.MergeBitmaps("b", [foreign]) { Disk = Disk },
            new Dictionary<BitmapAddress, Refusal?> { [foreign] = new(code, "test") }));
    }

    private static IEnumerable<Decision<DiskEvent>> Everything(DiskState state) =>
        [BitmapDecider.Add(state, Add("new")), Remove(state), Clear(state), Record(state, true), Record(state, false), Merge(state, "b", "b"), Merge(state, "b")];

    private static DiskCommand.AddBitmap Add(string name, long? granularity = null) => new(name, granularity, true, true) { Disk = Disk };

    private static Decision<DiskEvent> Remove(DiskState state) => BitmapDecider.Remove(state, new DiskCommand.RemoveBitmap("b") { Disk = Disk });

    private static Decision<DiskEvent> Clear(DiskState state) => BitmapDecider.Clear(state, new DiskCommand.ClearBitmap("b") { Disk = Disk });

    private static Decision<DiskEvent> Record(DiskState state, bool recording) =>
        BitmapDecider.SetRecording(state, new DiskCommand.SetBitmapRecording("b", recording) { Disk = Disk });

    private static Decision<DiskEvent> Merge(DiskState state, string target, params string[] sources) =>
        BitmapDecider.Merge(
            state, new DiskCommand.MergeBitmaps(target, [.. sources.Select(s => new BitmapAddress(Disk, s))]) { Disk = Disk }, NoForeign);
}
