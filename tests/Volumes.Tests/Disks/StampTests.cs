using ActorBackup.Volumes.Tests.Support;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>Rule 4: tracking file and journal database notice when the other was put back to an earlier copy, also within one opening.</summary>
public sealed class StampTests : IDisposable
{
    private const ulong Bitmap = 1;

    private readonly DiskWorld _world = new();
    private readonly Witness _witness = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_tracking_file_put_back_behind_its_last_command_is_not_believed()
    {
        var disk = OpenNew();
        var earlier = _world.Tracking + ".earlier";
        File.Copy(_world.Tracking, earlier);
        _world.Run(disk.ClearAsync(Bitmap));
        _world.Run(disk.CloseAsync());

        Assert.Contains("different times", Reopen(disk, _witness.Known, earlier).InconsistentReason(Bitmap), StringComparison.Ordinal);
        Assert.Null(Reopen(disk, _witness.Known, _world.Tracking).InconsistentReason(Bitmap));
    }

    [Fact]
    public void A_journal_put_back_behind_the_last_command_makes_the_bitmaps_inconsistent()
    {
        var disk = OpenNew();
        var known = _witness.Known;
        _world.Run(disk.ClearAsync(Bitmap));
        _world.Run(disk.CloseAsync());

        Assert.Contains("different times", Reopen(disk, known, _world.Tracking).InconsistentReason(Bitmap), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_crash_around_a_command_leaves_both_in_agreement(bool isStored)
    {
        var disk = OpenNew();
        var copy = _world.Tracking + ".crashed";
        _witness.OnIntend = isStored ? null : () => File.Copy(_world.Tracking, copy);
        _witness.OnConfirm = isStored ? () => File.Copy(_world.Tracking, copy) : null;
        _witness.LosesConfirmations = true;
        _world.Run(disk.ClearAsync(Bitmap));

        Assert.Null(Reopen(disk, _witness.Known, copy).InconsistentReason(Bitmap));
    }

    [Fact]
    public void A_command_that_the_journal_cannot_take_changes_nothing_that_lasts()
    {
        var disk = OpenNew();
        _world.Write(disk, 0, [1]);
        _witness.OnIntend = () => throw new VolumeException(VolumeError.InputOutput, "no room");
        Assert.Throws<VolumeException>(() => _world.Run(disk.ClearAsync(Bitmap)));
        Assert.Throws<VolumeException>(() => _world.Run(disk.AddBitmapAsync(2, DiskWorld.BlockBytes, recording: true, transient: false)));

        var after = Reopen(disk, _witness.Known, _world.Tracking);
        Assert.Null(after.InconsistentReason(Bitmap));
        Assert.Contains(0L, DiskWorld.BlocksOf(after.Extents(Bitmap)));
        Assert.Equal([Bitmap], after.BitmapSets);
    }

    private TrackedDisk OpenNew()
    {
        var disk = Open(_world.Tracking, expected: null);
        _world.Run(disk.AddBitmapAsync(Bitmap, DiskWorld.BlockBytes, recording: true, transient: false));
        return disk;
    }

    /// <summary>As the next process would, over a copy.</summary>
    private TrackedDisk Reopen(TrackedDisk disk, (ulong Stamp, ulong Next) known, string tracking)
    {
        var copy = $"{tracking}.{Guid.NewGuid():n}";
        File.Copy(tracking, copy);
        return Open(copy, new TrackingExpectation(disk.FileId, disk.Generation, known.Stamp, known.Next));
    }

    private TrackedDisk Open(string tracking, TrackingExpectation? expected)
    {
        var disk = _world.Open(expected, tracking: tracking, witness: _witness);
        return disk;
    }

    private sealed class Witness : ITrackingWitness
    {
        private ulong _last = 100;

        public (ulong Stamp, ulong Next) Known { get; private set; }

        public Action? OnIntend { get; set; }

        public Action? OnConfirm { get; set; }

        public bool LosesConfirmations { get; set; }

        public ulong Intend(ulong current)
        {
            OnIntend?.Invoke();
            Known = (current, ++_last);
            return _last;
        }

        public void Confirm(ulong stamp)
        {
            OnConfirm?.Invoke();
            if (!LosesConfirmations)
            {
                Known = (stamp, stamp);
            }
        }
    }
}
