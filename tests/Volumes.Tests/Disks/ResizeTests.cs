using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Volumes.Tests.Support;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>Rule 7: bits first, then the backing; a crash at any point is completed or as if nothing had been.</summary>
public sealed class ResizeTests : IDisposable
{
    private const long Block = DiskWorld.BlockBytes;
    private const ulong Recording = 1;
    private const ulong Disabled = 2;

    // Half a block at the end.
    private const long Before = (10 * Block) + 4096;

    private readonly DiskWorld _world = new(Before);

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(20 * Block, new long[] { 3, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 })]
    [InlineData((10 * Block) + 8192, new long[] { 3, 10 })]
    [InlineData((5 * Block) + 512, new long[] { 3, 5 })]
    [InlineData(5 * Block, new long[] { 3, 4 })]
    [InlineData(3 * Block, new long[] { 2 })]
    public void Rule_7_the_last_blocks_and_all_that_is_new_are_dirty(long size, long[] expected)
    {
        var disk = OpenWithBitmaps();
        _world.Run(disk.ResizeAsync(size));
        Assert.True(disk.IsClosed);

        var resized = _world.Open();
        Assert.Equal(size, resized.SizeBytes);
        Assert.Equal(size, new FileInfo(_world.Backing).Length);
        Assert.Equal(expected, DiskWorld.BlocksOf(resized.Extents(Recording)));
        Assert.Equal(size > 7 * Block ? [7L] : [], DiskWorld.BlocksOf(resized.Extents(Disabled)));
        Assert.Null(resized.InconsistentReason(Recording));
        _world.Write(resized, size - 512, new byte[512]);
        Assert.Contains((size - 1) / Block, DiskWorld.BlocksOf(_world.OpenAsAfterCrash().Extents(Recording)));
    }

    [Fact]
    public void A_disk_whose_regions_grow_with_it_keeps_every_bit()
    {
        var disk = OpenWithBitmaps();
        _world.Run(disk.ResizeAsync(100L << 30));

        var resized = _world.Open();
        _world.Write(resized, 99L << 30, [1]);
        var extents = _world.OpenAsAfterCrash().Extents(Recording);
        Assert.Equal(new Extent(3 * Block, Block), extents[0]);
        Assert.Equal(new Extent(10 * Block, (100L << 30) - (10 * Block)), extents[1]);
    }

    [Theory]
    [InlineData(20 * Block)]
    [InlineData(5 * Block)]
    public void Rule_7_after_a_crash_anywhere_the_disk_has_its_old_or_its_new_size_and_every_dirty_bit(long size)
    {
        var images = new List<(byte[] Tracking, byte[] Backing)>();
        var files = new CrashingFiles(() => images.Add((File.ReadAllBytes(_world.Tracking), File.ReadAllBytes(_world.Backing))));
        OpenWithBitmaps();
        var disk = _world.Scheduler.Run(TrackedDisk.OpenAsync(files, _world.Scheduler, _world.Clock, _world.Tracking, null));
        disk.AllowWrites();
        _world.Write(disk, 3 * Block, [1]);
        images.Clear();
        _world.Run(disk.ResizeAsync(size));

        Assert.True(images.Count > 5, $"Only {images.Count} crash points.");
        var sizes = new HashSet<long>();
        foreach (var (tracking, backing) in images)
        {
            var stamp = File.GetLastWriteTimeUtc(_world.Backing);
            File.WriteAllBytes(_world.Tracking, tracking);
            File.WriteAllBytes(_world.Backing, backing);
            File.SetLastWriteTimeUtc(_world.Backing, stamp);
            var opened = _world.Open();
            sizes.Add(opened.SizeBytes);
            Assert.Equal(opened.SizeBytes, new FileInfo(_world.Backing).Length);
            Assert.Null(opened.InconsistentReason(Recording));
            var dirty = DiskWorld.BlocksOf(opened.Extents(Recording)).ToHashSet();
            Assert.Contains(3L, dirty);
            if (opened.SizeBytes == size)
            {
                Assert.Contains((Math.Min(size, Before) - 1) / Block, dirty);
            }
        }

        Assert.Equal(new[] { Before, size }.Order(), sizes.Order());
    }

    [Fact]
    public void A_resize_is_refused_when_it_makes_no_sense_or_a_job_is_there_and_nothing_changes()
    {
        var disk = OpenWithBitmaps();
        Assert.Equal(VolumeError.BadSize, Refused(disk, 1000));
        Assert.Equal(VolumeError.BadSize, Refused(disk, 0));
        var job = new Core.Identity.JobId("01m850d483zesd3ybs456nm6m5");
        _world.Run(disk.StartSnapshotAsync(new Snapshots.SnapshotRequest { JobId = job, Freeze = [new Snapshots.FrozenBitmap(Recording, 9)] }, CancellationToken.None));
        Assert.Equal(VolumeError.BitmapBusy, Refused(disk, 20 * Block));

        Assert.False(disk.IsClosed);
        _world.Write(disk, 0, [1]);
        Assert.Equal(Before, disk.SizeBytes);
    }

    private VolumeError Refused(TrackedDisk disk, long size) => Assert.Throws<VolumeException>(() => _world.Run(disk.ResizeAsync(size))).Error;

    private TrackedDisk OpenWithBitmaps()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(Recording, Block, recording: true, transient: false));
        _world.Run(disk.AddBitmapAsync(Disabled, Block, recording: false, transient: false));
        _world.Run(disk.MarkAsync(Disabled, [new Extent(7 * Block, Block)]));
        _world.Write(disk, 3 * Block, [1]);
        return disk;
    }

    /// <summary>Tells before each write, sync and change of length: what the next process would find if this one were killed there.</summary>
    private sealed class CrashingFiles(Action onStep) : IFileLayer
    {
        private readonly UnlockedFiles _files = UnlockedFiles.Instance;

        public IFile Open(string path, FileOpening opening) => new CrashingFile(_files.Open(path, opening), onStep);

        public FileKind KindOf(string path) => _files.KindOf(path);

        public void CreateDirectory(string path) => _files.CreateDirectory(path);

        public IReadOnlyList<string> List(string directory) => _files.List(directory);

        public void Link(string existingPath, string newPath) => _files.Link(existingPath, newPath);

        public void Replace(string fromPath, string toPath) => _files.Replace(fromPath, toPath);

        public void Delete(string path) => _files.Delete(path);

        public void SyncDirectory(string directory) => _files.SyncDirectory(directory);

        public long FreeBytes(string path) => _files.FreeBytes(path);
    }

    private sealed class CrashingFile(IFile file, Action onStep) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public DateTimeOffset ModifiedAt => file.ModifiedAt;

        public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            onStep();
            file.Write(offset, data);
        }

        public void Sync()
        {
            onStep();
            file.Sync();
        }

        public void SetLength(long length)
        {
            onStep();
            file.SetLength(length);
            onStep();
        }

        public void Allocate(long offset, long length) => file.Allocate(offset, length);

        public void PunchHole(long offset, long length) => file.PunchHole(offset, length);

        public void ZeroRange(long offset, long length) => file.ZeroRange(offset, length);

        public (long Start, long End) NextData(long offset) => file.NextData(offset);

        public void Dispose() => file.Dispose();
    }
}
