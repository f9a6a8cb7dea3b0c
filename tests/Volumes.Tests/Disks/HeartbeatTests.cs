using ActorBackup.Volumes.Tests.Support;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>Rule 5: after an unclean stop a backing that somebody else wrote to is noticed, and our own writes never look like theirs.</summary>
public sealed class HeartbeatTests : IDisposable
{
    private const ulong Set = 1;

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

    private readonly DiskWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Rule_5_a_backing_that_is_newer_than_the_last_lease_makes_bitmaps_inconsistent_after_a_crash()
    {
        var disk = OpenWithBitmap();
        _world.Write(disk, 0, [1]);
        StampBacking(_world.Clock.GetUtcNow() + Lease + TimeSpan.FromMilliseconds(1));

        Assert.Contains("was changed at", _world.OpenAsAfterCrash().InconsistentReason(Set), StringComparison.Ordinal);
    }

    [Fact]
    public void Rule_5_what_was_written_before_the_lease_ended_may_be_ours()
    {
        var disk = OpenWithBitmap();
        _world.Write(disk, 0, [1]);
        StampBacking(_world.Clock.GetUtcNow() + Lease);

        Assert.Null(_world.OpenAsAfterCrash().InconsistentReason(Set));
    }

    [Fact]
    public void Rule_5_an_idle_disk_needs_no_lease_and_notices_at_once()
    {
        OpenWithBitmap();
        var before = File.ReadAllBytes(_world.Tracking);
        _world.Pass(TimeSpan.FromMinutes(5));
        Assert.Equal(before, File.ReadAllBytes(_world.Tracking));
        StampBacking(File.GetLastWriteTimeUtc(_world.Backing).AddTicks(1));

        Assert.NotNull(_world.OpenAsAfterCrash().InconsistentReason(Set));
    }

    [Fact]
    public void Rule_5_writes_into_one_region_for_long_are_ours_at_every_moment()
    {
        var disk = OpenWithBitmap();
        for (var step = 0; step < 40; step++)
        {
            _world.Write(disk, 0, [(byte)step]);
            StampBacking(_world.Clock.GetUtcNow());
            Assert.Null(_world.OpenAsAfterCrash().InconsistentReason(Set));
            _world.Pass(TimeSpan.FromSeconds(step % 7));
        }
    }

    [Fact]
    public void Rule_5_after_a_suspension_the_first_write_takes_a_new_lease()
    {
        var disk = OpenWithBitmap();
        _world.Write(disk, 0, [1]);

        // No timer fired meanwhile, and the region's intent is still durable.
        _world.Clock.Jump(TimeSpan.FromHours(1));
        _world.Write(disk, 0, [2]);
        StampBacking(_world.Clock.GetUtcNow());

        Assert.Null(_world.OpenAsAfterCrash().InconsistentReason(Set));
    }

    [Fact]
    public void Rule_5_a_damaged_heartbeat_is_none()
    {
        var disk = OpenWithBitmap();
        _world.Write(disk, 0, [1]);
        StampBacking(_world.Clock.GetUtcNow());
        using (var file = new FileStream(_world.Tracking, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            file.Position = (2 * 4096) + 20;
            file.WriteByte(0x7F);
        }

        Assert.NotNull(_world.OpenAsAfterCrash().InconsistentReason(Set));
    }

    [Fact]
    public void Without_a_recording_bitmap_writes_need_no_lease_and_adding_one_starts_from_the_backing_as_it_is()
    {
        var disk = _world.Open();
        _world.Write(disk, 0, [1]);
        StampBacking(_world.Clock.GetUtcNow() + TimeSpan.FromDays(1));
        _world.Run(disk.AddBitmapAsync(Set, 65536, recording: true, transient: false));

        Assert.Null(_world.OpenAsAfterCrash().InconsistentReason(Set));
    }

    private TrackedDisk OpenWithBitmap()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(Set, 65536, recording: true, transient: false));
        return disk;
    }

    private void StampBacking(DateTimeOffset at) => File.SetLastWriteTimeUtc(_world.Backing, at.UtcDateTime);
}
