using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tests.Support;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>A snapshot over the disk's closing and next opening (rule 17).</summary>
public sealed class SuspensionTests : IDisposable
{
    private const ulong Bitmap = 1;
    private const int Blocks = 128;

    private static readonly JobId Job = new("01m850d483zesd3ybs456nm6m5");

    private readonly DiskWorld _world = new();

    private string Scratch => Path.Combine(_world.Directory, "scratch");

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(64, false)]
    [InlineData(3, false)]
    [InlineData(0, true)]
    public void A_snapshot_goes_on_with_what_was_kept_in_memory_and_in_scratch(int memoryBlocks, bool fromBitmap)
    {
        var disk = Fill();
        var (snapshot, instant) = Start(disk, memoryBlocks, fromBitmap);
        var copy = Read(snapshot, snapshot.CopyList.Clone(), instant, 20);
        Write(disk, 0xa1, 3, 60, 61, 62, 63, 64, 65, 66, 127);
        Suspend(disk, snapshot, copy);

        // Guests are served until the closing.
        Write(disk, 0xa2, 4, 61, 70, 71);
        _world.Run(disk.CloseAsync());
        var next = Open(disk);

        var suspended = Assert.Single(next.Suspended);
        Assert.Equal(new SuspendedSnapshot(Job, disk.Generation), suspended);
        Write(next, 0xa3, 5, 62, 80, 81, 100);
        var resumed = _world.Scheduler.Run(next.TryAdoptAsync(Job))!;
        Assert.Empty(next.Suspended);
        Write(next, 0xa4, 82, 100);
        Assert.True(next.TryGetCheckpoint(Job, out var pair));
        Assert.Equal(snapshot.CopyList.Count(), resumed.CopyList.Count());
        var left = Read(resumed, pair.Copy.Clone(), instant, int.MaxValue);
        Assert.True(left.IsEmpty());
        Assert.Null(resumed.Broken);
        _world.Run(resumed.DisposeAsync().AsTask());
        Assert.Empty(Directory.GetFiles(Scratch));
        _world.Run(next.SettleAsync(Job, BitmapRemainder.Nothing, keepCheckpoint: false));
        Assert.Equal([3L, 4, 5, 60, 61, 62, 63, 64, 65, 66, 70, 71, 80, 81, 82, 100, 127], DiskWorld.BlocksOf(next.Extents(Bitmap)));
        _world.Run(next.CloseAsync());
    }

    [Fact]
    public void A_suspension_counts_once()
    {
        var disk = StartSuspended(out _);
        _world.Run(disk.CloseAsync());
        var next = Open(disk);
        Assert.Single(next.Suspended);

        // It dies: the tracking file has no clean mark and no note, the scratch file is there.
        var after = Open(next);
        Assert.Empty(after.Suspended);
        Assert.Equal([Job], after.JobsInTracking);
        Assert.Single(Directory.GetFiles(Scratch));
        ScratchDirectory.DeleteLeftovers(UnlockedFiles.Instance, Scratch, new DiskId("d"), []);
        Assert.Empty(Directory.GetFiles(Scratch));
    }

    [Fact]
    public void A_snapshot_that_no_run_took_over_outlives_further_closings()
    {
        var disk = StartSuspended(out var instant);
        var generation = disk.Generation;
        for (byte round = 0; round < 3; round++)
        {
            _world.Run(disk.CloseAsync());
            disk = Open(disk);
            Assert.Equal([new SuspendedSnapshot(Job, generation)], disk.Suspended);
            Write(disk, (byte)(0xb0 + round), 90 + round, 20);
        }

        ScratchDirectory.DeleteLeftovers(UnlockedFiles.Instance, Scratch, new DiskId("d"), [Job]);
        disk.TryGetCheckpoint(Job, out var pair);
        var resumed = _world.Scheduler.Run(disk.TryAdoptAsync(Job))!;
        Assert.True(Read(resumed, pair.Copy.Clone(), instant, int.MaxValue).IsEmpty());
    }

    [Theory]
    [InlineData("no expectation")]
    [InlineData("other file")]
    [InlineData("other generation")]
    [InlineData("other stamp")]
    [InlineData("no scratch")]
    [InlineData("short scratch")]
    [InlineData("damaged index")]
    [InlineData("other directory")]
    [InlineData("changed backing")]
    [InlineData("damaged pair")]
    [InlineData("damaged superblock")]
    public void What_does_not_match_is_not_resumed(string what)
    {
        // Without a bitmap that would be distrusted all the same.
        var disk = StartSuspended(out _, freezes: false);
        _world.Run(disk.CloseAsync());
        var expected = new TrackingExpectation(disk.FileId, disk.Generation, disk.Stamp, disk.Stamp);
        var path = Directory.GetFiles(Scratch).Single();
        switch (what)
        {
            case "no scratch":
                File.Delete(path);
                break;
            case "short scratch":
                Change(path, f => f.SetLength(f.Length - 1));
                break;
            case "damaged index":
                Change(path, f => Flip(f, f.Length - 10));
                break;
            case "changed backing":
                Change(_world.Backing, f => Flip(f, 5));
                File.SetLastWriteTimeUtc(_world.Backing, File.GetLastWriteTimeUtc(_world.Backing).AddSeconds(1));
                break;
            case "damaged pair":
                DamageCopy();
                break;
            case "damaged superblock":
                Change(_world.Tracking, f => Flip(f, NewestSlot() == 0 ? TrackingFormat.PageBytes : 0));
                break;
            default:
                break;
        }

        var next = _world.Scheduler.Run(TrackedDisk.OpenAsync(
            UnlockedFiles.Instance,
            _world.Scheduler,
            _world.Clock,
            _world.Tracking,
            what switch
            {
                "no expectation" => null,
                "other file" => expected with { FileId = TrackingFileId.New() },
                "other generation" => expected with { Generation = expected.Generation + 1 },
                "other stamp" => expected with { Stamp = 7, NextStamp = 7 },
                _ => expected,
            },
            witness: null,
            what == "other directory" ? _world.Directory : Scratch));

        Assert.Empty(next.Suspended);
        Assert.Null(_world.Scheduler.Run(next.TryAdoptAsync(Job)));
    }

    [Fact]
    public void A_kept_block_that_is_damaged_ends_the_job_and_gives_no_wrong_bytes()
    {
        var disk = StartSuspended(out _);
        _world.Run(disk.CloseAsync());
        Change(Directory.GetFiles(Scratch).Single(), f => Flip(f, 7));
        var next = Open(disk);
        var resumed = _world.Scheduler.Run(next.TryAdoptAsync(Job))!;

        var lost = Assert.Throws<VolumeException>(() => Drain(resumed));

        Assert.Contains("not what was written", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_job_that_lost_bytes_of_its_instant_is_not_suspended()
    {
        var disk = Fill();
        var (snapshot, instant) = Start(disk, memoryBlocks: 64, fromBitmap: false);
        var pair = snapshot.CopyList.Clone();
        _ = Read(snapshot, pair.Clone(), instant, 4);
        _world.Run(disk.StoreCheckpointAsync(Job, pair, DigestOf(1)));

        // Four blocks were read and are in nobody's hands; guests may overwrite them.
        Assert.Throws<VolumeException>(() => _world.Run(disk.SuspendAsync(snapshot)));
        _world.Run(disk.CloseAsync());
        Assert.Empty(Open(disk).Suspended);
    }

    [Fact]
    public void A_job_without_a_pair_or_of_a_transient_bitmap_or_that_is_broken_is_not_suspended()
    {
        var disk = Fill();
        var (snapshot, _) = Start(disk, memoryBlocks: 64, fromBitmap: false);
        Assert.Throws<VolumeException>(() => _world.Run(disk.SuspendAsync(snapshot)));
        _world.Run(disk.FenceAsync(Job));
        Assert.Throws<VolumeException>(() => _world.Run(disk.SuspendAsync(snapshot)));

        var other = new JobId("01m850d483zesd3ybs456nm6m6");
        _world.Run(disk.AddBitmapAsync(9, DiskWorld.BlockBytes, recording: true, transient: true));
        var request = new SnapshotRequest { JobId = other, Freeze = [new FrozenBitmap(9, 10)], CopyBitmapId = 9, ScratchDirectory = Scratch };
        var transient = _world.Scheduler.Run(disk.StartSnapshotAsync(request, CancellationToken.None));
        _world.Run(disk.StoreCheckpointAsync(other, transient.CopyList.Clone(), DigestOf(1)));
        Assert.Throws<VolumeException>(() => _world.Run(disk.SuspendAsync(transient)));
    }

    [Fact]
    public void Blocks_that_nobody_can_read_stay_given_up()
    {
        var disk = Fill();
        var (snapshot, instant) = Start(disk, memoryBlocks: 64, fromBitmap: false);
        _world.Run(snapshot.GiveUpAsync(30, CancellationToken.None).AsTask());
        Write(disk, 0xa1, 30, 31);
        Suspend(disk, snapshot, snapshot.CopyList.Clone());
        _world.Run(disk.CloseAsync());
        var next = Open(disk);
        next.TryGetCheckpoint(Job, out var pair);
        var resumed = _world.Scheduler.Run(next.TryAdoptAsync(Job))!;

        Assert.Equal([30L], resumed.GivenUp!.Runs().Select(r => r.First));
        var left = Read(resumed, pair.Copy.Clone(), instant, int.MaxValue);
        Assert.Equal([(30L, 31L)], left.Runs());
    }

    [Fact]
    public void A_fenced_or_settled_job_lets_go_of_its_snapshot()
    {
        var disk = StartSuspended(out _);
        _world.Run(disk.CloseAsync());
        var next = Open(disk);
        _world.Run(next.FenceAsync(Job));
        Assert.Empty(next.Suspended);
        Assert.Empty(Directory.GetFiles(Scratch));

        // Nothing is kept for it any more.
        Write(next, 0xa5, 110);
        Assert.Empty(Directory.GetFiles(Scratch));
    }

    /// <summary>Every block of the disk has its number in it.</summary>
    private TrackedDisk Fill()
    {
        var disk = _world.Open();
        for (var block = 0; block < Blocks - 8; block++)
        {
            Write(disk, (byte)(block + 1), block);
        }

        _world.Run(disk.AddBitmapAsync(Bitmap, DiskWorld.BlockBytes, recording: true, transient: false));
        return disk;
    }

    private (DiskSnapshot Snapshot, byte[] Instant) Start(TrackedDisk disk, int memoryBlocks, bool fromBitmap, bool freezes = true)
    {
        if (fromBitmap)
        {
            _world.Run(disk.MarkAsync(Bitmap, [new Extent(0, 90L * DiskWorld.BlockBytes)]));
        }

        var request = new SnapshotRequest
        {
            JobId = Job,
            Freeze = freezes ? [new FrozenBitmap(Bitmap, 50)] : [],
            CopyBitmapId = fromBitmap ? Bitmap : null,
            MemoryBudgetBytes = (long)memoryBlocks * DiskWorld.BlockBytes,
            ScratchDirectory = Scratch,
        };
        var snapshot = _world.Scheduler.Run(disk.StartSnapshotAsync(request, CancellationToken.None));
        return (snapshot, ReadBacking());
    }

    private TrackedDisk StartSuspended(out byte[] instant, bool freezes = true)
    {
        var disk = Fill();
        (var snapshot, instant) = Start(disk, memoryBlocks: 64, fromBitmap: false, freezes);
        var copy = Read(snapshot, snapshot.CopyList.Clone(), instant, 10);
        Write(disk, 0xa1, 3, 50, 51, 127);
        Suspend(disk, snapshot, copy);
        return disk;
    }

    private void Suspend(TrackedDisk disk, DiskSnapshot snapshot, DirtyBitmap copy)
    {
        _world.Run(disk.StoreCheckpointAsync(Job, copy, DigestOf(1)));
        _world.Run(disk.SuspendAsync(snapshot));
    }

    private TrackedDisk Open(TrackedDisk last)
    {
        var expected = new TrackingExpectation(last.FileId, last.Generation, last.Stamp, last.Stamp);
        var disk = _world.Scheduler.Run(TrackedDisk.OpenAsync(UnlockedFiles.Instance, _world.Scheduler, _world.Clock, _world.Tracking, expected, witness: null, Scratch));
        disk.AllowWrites();
        _world.Scheduler.RunAll();
        return disk;
    }

    /// <summary>Reads so many pieces, compares each with the instant, and returns what is left of the copy bitmap.</summary>
    private DirtyBitmap Read(DiskSnapshot snapshot, DirtyBitmap copy, byte[] instant, int pieces)
    {
        var buffer = new byte[DiskWorld.BlockBytes];
        while (pieces-- > 0 && Next(snapshot, buffer) is { Kind: not SnapshotBlockKind.End } block)
        {
            for (var i = block.First; i < block.First + block.Count; i++)
            {
                var expected = instant.AsSpan((int)i * DiskWorld.BlockBytes, DiskWorld.BlockBytes);
                Assert.True(expected.SequenceEqual(block.Kind == SnapshotBlockKind.Data ? buffer : new byte[DiskWorld.BlockBytes]), $"block {i} is not of the instant");
                Assert.True(copy.Clear(i), $"block {i} was handed out twice, or was not to be copied");
                snapshot.Release(i);
            }
        }

        return copy;
    }

    private void Drain(DiskSnapshot snapshot)
    {
        var buffer = new byte[DiskWorld.BlockBytes];
        while (Next(snapshot, buffer).Kind != SnapshotBlockKind.End)
        {
        }
    }

    private SnapshotBlock Next(DiskSnapshot snapshot, byte[] buffer) => _world.Scheduler.Run(snapshot.ReadNextAsync(buffer, CancellationToken.None).AsTask());

    private byte[] ReadBacking()
    {
        using var file = new FileStream(_world.Backing, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    private void DamageCopy()
    {
        var (file, sets) = TrackingFileOpening.Open(UnlockedFiles.Instance, _world.Tracking);
        using (file)
        {
            var page = sets.FindCopy(Job)!.Pages[0].Number;
            var bytes = new byte[1];
            file.File.Read(TrackingFormat.OffsetOf(page), bytes);
            bytes[0] ^= 1;
            file.File.Write(TrackingFormat.OffsetOf(page), bytes);
        }
    }

    private int NewestSlot()
    {
        var (file, _) = TrackingFileOpening.Open(UnlockedFiles.Instance, _world.Tracking);
        using (file)
        {
            return file.Current.Slot;
        }
    }

    private static void Change(string path, Action<FileStream> change)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        change(file);
    }

    private static void Flip(FileStream file, long position)
    {
        file.Position = position;
        var there = file.ReadByte();
        file.Position = position;
        file.WriteByte((byte)(there ^ 0x55));
    }

    private static BlockDigest DigestOf(byte value) => new(Enumerable.Repeat(value, BlockDigest.SizeBytes).ToArray());

    private void Write(TrackedDisk disk, byte value, params long[] blocks)
    {
        foreach (var block in blocks)
        {
            _world.Write(disk, block * DiskWorld.BlockBytes, Enumerable.Repeat(value, DiskWorld.BlockBytes).ToArray());
        }
    }
}
