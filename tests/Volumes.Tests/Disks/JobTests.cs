using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tests.Support;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>Freezing, checkpoints and settlement, with a crash after each.</summary>
public sealed class JobTests : IDisposable
{
    private const ulong Bitmap = 1;

    private static readonly JobId Job = new("01m850d483zesd3ybs456nm6m5");

    private readonly DiskWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Bits_of_a_frozen_bitmap_outlive_the_intents_that_protected_them()
    {
        var disk = StartWithBitmap();
        Write(disk, 3);
        Start(disk, CopyFromBitmap());
        Write(disk, 100);
        _world.Pass(TimeSpan.FromSeconds(10));

        var after = _world.OpenAsAfterCrash();

        Assert.Equal([3L], Dirty(after));
        Assert.Equal([Job], after.JobsInTracking);
        _world.Run(after.SettleAsync(Job, BitmapRemainder.SyncBitmap, keepCheckpoint: false));
        Assert.Equal([3L, 100], Dirty(after));
    }

    [Fact]
    public void A_crash_before_the_first_checkpoint_leaves_sync_bitmap_and_successor()
    {
        var disk = StartWithBitmap();
        Write(disk, 3);
        Start(disk, CopyFromBitmap());
        Write(disk, 4);

        var after = _world.OpenAsAfterCrash();
        foreach (var job in after.JobsInTracking)
        {
            _world.Run(after.SettleAsync(job, BitmapRemainder.SyncBitmap, keepCheckpoint: false));
        }

        Assert.Contains(3L, Dirty(after));
        Assert.Contains(4L, Dirty(after));
    }

    [Theory]
    [InlineData(BitmapRemainder.Nothing, new long[] { 2, 9 })]
    [InlineData(BitmapRemainder.SyncBitmap, new long[] { 1, 2, 3, 4, 9 })]
    [InlineData(BitmapRemainder.CopyBitmap, new long[] { 2, 3, 4, 9 })]
    public void Settling_unites_the_successor_with_what_remains(BitmapRemainder remainder, long[] expected)
    {
        var disk = StartWithBitmap();
        Write(disk, 1, 2, 3, 4);
        var snapshot = Start(disk, CopyFromBitmap());
        Write(disk, 9, 2);
        var copy = snapshot.CopyList.Clone();
        copy.Clear(1);
        copy.Clear(2);
        _world.Run(disk.StoreCheckpointAsync(Job, copy, DigestOf(5)));
        _world.Run(snapshot.DisposeAsync().AsTask());

        // The same from the file, by the next process.
        _world.Pass(TimeSpan.FromSeconds(5));
        var crashed = _world.OpenAsAfterCrash();
        Assert.True(crashed.TryGetCheckpoint(Job, out var pair));
        Assert.Equal(DigestOf(5), pair.Root);
        _world.Run(crashed.SettleAsync(Job, remainder, keepCheckpoint: false));
        Assert.Equal(expected, Dirty(crashed));

        _world.Run(disk.SettleAsync(Job, remainder, keepCheckpoint: false));
        _world.Run(disk.SettleAsync(Job, BitmapRemainder.Nothing, keepCheckpoint: false));
        Assert.Equal(expected, Dirty(disk));
        Assert.Empty(disk.JobsInTracking);
        Assert.False(disk.TryGetCheckpoint(Job, out _));
        _world.Pass(TimeSpan.FromSeconds(5));
        var settled = _world.OpenAsAfterCrash();
        Assert.Equal(expected, Dirty(settled));
        Write(settled, 77);
        Assert.Contains(77L, Dirty(settled));
    }

    [Fact]
    public void A_kept_pair_stays_until_it_is_forgotten()
    {
        var disk = StartWithBitmap();
        Write(disk, 1, 2);
        var snapshot = Start(disk, CopyFromBitmap());
        var copy = snapshot.CopyList.Clone();
        copy.Clear(1);
        _world.Run(disk.StoreCheckpointAsync(Job, copy, DigestOf(6)));
        _world.Run(snapshot.DisposeAsync().AsTask());
        _world.Run(disk.SettleAsync(Job, BitmapRemainder.CopyBitmap, keepCheckpoint: true));

        var after = _world.OpenAsAfterCrash();
        Assert.True(after.TryGetCheckpoint(Job, out var pair));
        Assert.Equal([2L], DiskWorld.BlocksOf(pair.Copy.Extents()));
        _world.Run(after.ForgetCheckpointAsync(Job));
        _world.Run(after.ForgetCheckpointAsync(Job));
        Assert.Empty(after.JobsInTracking);
    }

    [Fact]
    public void A_kept_pair_of_which_a_page_is_damaged_is_no_pair()
    {
        var disk = StartWithBitmap();
        Write(disk, 1, 2);
        var snapshot = Start(disk, CopyFromBitmap());
        var copy = snapshot.CopyList.Clone();
        copy.Clear(1);
        _world.Run(disk.StoreCheckpointAsync(Job, copy, DigestOf(6)));
        _world.Run(snapshot.DisposeAsync().AsTask());
        _world.Run(disk.SettleAsync(Job, BitmapRemainder.Nothing, keepCheckpoint: true));
        _world.Run(disk.CloseAsync());
        DamageCopy(Job);

        var after = _world.Open();

        Assert.False(after.TryGetCheckpoint(Job, out _));
        Assert.Null(after.InconsistentReason(Bitmap));
    }

    [Fact]
    public void A_block_that_nobody_can_read_may_be_overwritten_once_it_is_given_up()
    {
        var disk = StartWithBitmap();
        var snapshot = Start(disk, new SnapshotRequest { JobId = Job });
        using (var backing = new FileStream(_world.Backing, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            backing.SetLength(_world.SizeBytes - DiskWorld.BlockBytes);
        }

        var last = (_world.SizeBytes / DiskWorld.BlockBytes) - 1;
        var block = _world.Scheduler.Run(snapshot.ReadAsync(last, new byte[DiskWorld.BlockBytes], CancellationToken.None).AsTask());
        Assert.Equal(SnapshotBlockKind.Unreadable, block.Kind);

        _world.Run(snapshot.GiveUpAsync(last, CancellationToken.None).AsTask());
        Write(disk, last);

        Assert.Null(snapshot.Broken);
        _world.Run(snapshot.DisposeAsync().AsTask());
    }

    [Fact]
    public void A_fenced_job_keeps_the_pair_that_it_had()
    {
        var disk = StartWithBitmap();
        Write(disk, 1, 2);
        var snapshot = Start(disk, CopyFromBitmap());
        _world.Run(disk.StoreCheckpointAsync(Job, snapshot.CopyList.Clone(), DigestOf(6)));

        _world.Run(disk.FenceAsync(Job));

        Assert.Throws<VolumeException>(() => _world.Run(disk.StoreCheckpointAsync(Job, new DirtyBitmap(snapshot.Geometry), DigestOf(7))));
        Assert.True(disk.TryGetCheckpoint(Job, out var pair));
        Assert.Equal(DigestOf(6), pair.Root);
        Assert.NotNull(snapshot.Broken);
    }

    [Fact]
    public void A_frozen_bitmap_is_busy_and_an_inconsistent_one_cannot_be_frozen()
    {
        var disk = StartWithBitmap();
        var snapshot = Start(disk, CopyFromBitmap());
        foreach (var command in new Func<Task>[]
        {
            () => disk.ClearAsync(Bitmap),
            () => disk.RemoveBitmapAsync(Bitmap),
            () => disk.SetRecordingAsync(Bitmap, false),
            () => disk.StartSnapshotAsync(CopyFromBitmap() with { JobId = new JobId("other") }, CancellationToken.None),
        })
        {
            Assert.Equal(VolumeError.BitmapBusy, Assert.Throws<VolumeException>(() => _world.Run(command())).Error);
        }

        _world.Run(snapshot.DisposeAsync().AsTask());
        _world.Run(disk.SettleAsync(Job, BitmapRemainder.SyncBitmap, keepCheckpoint: false));
        _world.Run(disk.CloseAsync());
        File.SetLastWriteTimeUtc(_world.Backing, File.GetLastWriteTimeUtc(_world.Backing).AddMinutes(1));
        disk = _world.Open();
        Assert.Equal(VolumeError.BitmapInconsistent, Assert.Throws<VolumeException>(() => Start(disk, CopyFromBitmap())).Error);
    }

    /// <summary>Flips a bit of the page that holds the job's copy bitmap.</summary>
    private void DamageCopy(JobId job)
    {
        var (file, sets) = TrackingFileOpening.Open(ActorBackup.Files.LinuxFileLayer.Instance, _world.Tracking);
        using (file)
        {
            var page = sets.FindCopy(job)!.Pages[0].Number;
            var bytes = new byte[1];
            file.File.Read(TrackingFormat.OffsetOf(page), bytes);
            bytes[0] ^= 1;
            file.File.Write(TrackingFormat.OffsetOf(page), bytes);
        }
    }

    private static SnapshotRequest CopyFromBitmap() => new() { JobId = Job, Freeze = [new FrozenBitmap(Bitmap, 50)], CopyBitmapId = Bitmap };

    private static BlockDigest DigestOf(byte value) => new(Enumerable.Repeat(value, BlockDigest.SizeBytes).ToArray());

    private static long[] Dirty(TrackedDisk disk) => [.. DiskWorld.BlocksOf(disk.Extents(Bitmap))];

    private TrackedDisk StartWithBitmap()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(Bitmap, DiskWorld.BlockBytes, recording: true, transient: false));
        return disk;
    }

    private DiskSnapshot Start(TrackedDisk disk, SnapshotRequest request) => _world.Scheduler.Run(disk.StartSnapshotAsync(request, CancellationToken.None));

    private void Write(TrackedDisk disk, params long[] blocks)
    {
        foreach (var block in blocks)
        {
            _world.Write(disk, block * DiskWorld.BlockBytes, [1, 2, 3]);
        }
    }
}
