using ActorBackup.Core.Blocks;
using ActorBackup.Volumes.Tests.Support;
using ActorBackup.Volumes.Tracking;
using CsCheck;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>Which bits are set: now, after an orderly stop, and after a crash.</summary>
public sealed class TrackingTests : IDisposable
{
    private readonly DiskWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Every_change_marks_every_recorder_and_nothing_else()
    {
        long[] granularities = [512, 4096, 65536, 1 << 20, 1 << 24];
        var changes = Gen.Select(Gen.Int[0, 2], Gen.Long[0, _world.SizeBytes - 1], Gen.Long[1, 300_000])
            .Select((kind, offset, length) => (kind, offset, length: Math.Min(length, _world.SizeBytes - offset))).Array[1, 12];
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(99, 4096, recording: false, transient: false));
        var set = 0UL;
        changes.Sample(
            batch =>
            {
                var sets = granularities.Select(g => (Id: ++set + 1000, Granularity: g)).ToArray();
                foreach (var (id, granularity) in sets)
                {
                    _world.Run(disk.AddBitmapAsync(id, granularity, recording: true, transient: id % 2 == 0));
                }

                foreach (var (kind, offset, length) in batch)
                {
                    var change = kind switch
                    {
                        0 => disk.WriteAsync(offset, new byte[length], false, CancellationToken.None),
                        1 => disk.TrimAsync(offset, length, true, CancellationToken.None),
                        _ => disk.WriteZeroesAsync(offset, length, ZeroOptions.NoHole, CancellationToken.None),
                    };
                    _world.Run(change.AsTask());
                }

                foreach (var (id, granularity) in sets)
                {
                    var expected = new HashSet<long>();
                    foreach (var (_, offset, length) in batch)
                    {
                        for (var unit = offset / granularity; unit <= (offset + length - 1) / granularity; unit++)
                        {
                            expected.Add(unit);
                        }
                    }

                    Assert.Equal(expected.Count * granularity, disk.DirtyBytes(id));
                    Assert.All(disk.Extents(id), e => Assert.Contains(e.Offset / granularity, expected));
                    _world.Run(disk.RemoveBitmapAsync(id));
                }

                Assert.Empty(disk.Extents(99));
            },
            iter: 60,
            threads: 1);
    }

    [Fact]
    public void Writes_wait_until_they_are_allowed_and_reads_do_not()
    {
        var disk = _world.Open(allow: false);
        var write = disk.WriteAsync(0, new byte[] { 1 }, false, CancellationToken.None).AsTask();
        _world.Scheduler.RunAll();
        Assert.False(write.IsCompleted);
        Assert.True(disk.ReadAsync(0, new byte[1], CancellationToken.None).IsCompletedSuccessfully);

        disk.AllowWrites();
        _world.Run(write);
    }

    [Fact]
    public void An_orderly_stop_keeps_bits_exactly_and_drops_transient_bitmaps()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(1, 4096, recording: true, transient: false));
        _world.Run(disk.AddBitmapAsync(2, 4096, recording: true, transient: true));
        _world.Write(disk, 5_000_000, [1, 2, 3]);
        var before = disk.Extents(1);
        _world.Run(disk.CloseAsync());

        disk = _world.Open();

        Assert.Equal(before, disk.Extents(1));
        Assert.Equal([1UL], disk.BitmapSets);
        Assert.Null(disk.InconsistentReason(1));
    }

    [Fact]
    public void After_a_crash_every_written_block_is_dirty()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(1, 65536, recording: true, transient: false));
        _world.Pass(TimeSpan.FromSeconds(3));
        _world.Write(disk, 3 * 65536, [1]);
        Assert.Contains(3L, DiskWorld.BlocksOf(_world.OpenAsAfterCrash().Extents(1)));

        // A region that is quiet for a while is known block by block again.
        _world.Pass(TimeSpan.FromSeconds(5));
        Assert.Equal([3L], DiskWorld.BlocksOf(_world.OpenAsAfterCrash().Extents(1)));
    }

    [Fact]
    public void Many_writes_into_new_regions_bring_their_neighbours_intents_until_it_is_quiet()
    {
        const long Region = 1 << 20;
        using var world = new DiskWorld(128 * Region);
        var disk = world.Open();
        world.Run(disk.AddBitmapAsync(1, 65536, recording: true, transient: false));
        world.Pass(TimeSpan.FromSeconds(3));
        for (var region = 0; region < 32; region++)
        {
            world.Write(disk, 2 * region * Region, [1]);
        }

        // The next ones bring the region beside them.
        Assert.Equal(Enumerable.Range(0, 32).Select(r => new Extent(2 * r * Region, Region)), Crash());
        world.Write(disk, 101 * Region, [1]);
        Assert.Equal(new Extent(100 * Region, 2 * Region), Crash()[^1]);
        Assert.True(disk.WriteAsync(100 * Region, new byte[] { 1 }, false, CancellationToken.None).IsCompletedSuccessfully);

        // Whatever was marked and not written is clean again after a while, and a single write brings only its own region.
        world.Pass(TimeSpan.FromSeconds(20));
        Assert.Equal([.. Enumerable.Range(0, 32).Select(r => 32L * r), 1600, 1616], DiskWorld.BlocksOf(Crash()));
        world.Write(disk, 120 * Region, [1]);
        Assert.Equal(new Extent(120 * Region, Region), Crash()[^1]);

        IReadOnlyList<Extent> Crash() => world.OpenAsAfterCrash().Extents(1);
    }

    [Fact]
    public void Clearing_removing_disabling_and_merging_are_durable()
    {
        var disk = _world.Open();
        foreach (var set in new ulong[] { 1, 2, 3, 4 })
        {
            _world.Run(disk.AddBitmapAsync(set, set == 4 ? 1 << 20 : 65536, recording: true, transient: false));
        }

        _world.Write(disk, 65536, [1]);
        _world.Pass(TimeSpan.FromSeconds(5));
        _world.Run(disk.ClearAsync(1));
        _world.Run(disk.RemoveBitmapAsync(2));
        _world.Run(disk.RemoveBitmapAsync(2));
        _world.Run(disk.SetRecordingAsync(3, false));
        _world.Run(disk.MarkAsync(1, [new Extent(7 * 65536, 10)]));
        _world.Run(disk.MergeAsync(4, [1]));

        var after = _world.OpenAsAfterCrash();

        Assert.Equal([7L], DiskWorld.BlocksOf(after.Extents(1)));
        Assert.Equal(new ulong[] { 1, 3, 4 }, after.BitmapSets.Order());
        Assert.Equal([new Extent(65536, 65536)], after.Extents(3));
        Assert.Equal([new Extent(0, 1 << 20)], after.Extents(4));
        _world.Write(after, 9 * 65536, [1]);
        Assert.Equal([new Extent(65536, 65536)], after.Extents(3));
    }

    [Fact]
    public void A_tracking_file_that_the_journal_does_not_know_is_not_believed()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(1, 65536, recording: true, transient: false));
        var (id, generation) = (disk.FileId, disk.Generation);
        _world.Run(disk.CloseAsync());

        disk = _world.Open(new TrackingExpectation(id, generation));
        Assert.Null(disk.InconsistentReason(1));
        Assert.True(disk.Generation > generation);
        _world.Run(disk.CloseAsync());

        disk = _world.Open(new TrackingExpectation(id, generation + 100));
        Assert.Contains("older", disk.InconsistentReason(1), StringComparison.Ordinal);
        Assert.True(disk.Generation > generation + 100);
        _world.Run(disk.RemoveBitmapAsync(1));
        _world.Run(disk.AddBitmapAsync(2, 65536, recording: true, transient: false));
        _world.Run(disk.CloseAsync());

        disk = _world.Open(new TrackingExpectation(TrackingFileId.New(), 0));
        Assert.Contains("replaced", disk.InconsistentReason(2), StringComparison.Ordinal);
    }

    [Fact]
    public void A_backing_that_changed_meanwhile_makes_bitmaps_inconsistent_and_another_size_is_refused()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(1, 65536, recording: true, transient: false));
        _world.Run(disk.CloseAsync());
        File.SetLastWriteTimeUtc(_world.Backing, File.GetLastWriteTimeUtc(_world.Backing).AddMinutes(1));
        disk = _world.Open();
        Assert.NotNull(disk.InconsistentReason(1));
        _world.Run(disk.CloseAsync());

        using (var file = new FileStream(_world.Backing, FileMode.Open))
        {
            file.SetLength(_world.SizeBytes + 512);
        }

        Assert.Equal(VolumeError.BadSize, Assert.Throws<VolumeException>(() => _world.Open()).Error);
    }

    [Fact]
    public void Flipping_any_byte_of_a_closed_tracking_file_never_cleans_a_dirty_block()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(1, 4096, recording: true, transient: false));
        for (var i = 0; i < 50; i++)
        {
            _world.Write(disk, i * 150_000, [1]);
        }

        var dirty = disk.Extents(1);
        _world.Run(disk.CloseAsync());
        var good = File.ReadAllBytes(_world.Tracking);
        var random = new Random(1);
        for (var i = 0; i < 400; i++)
        {
            var bytes = good.ToArray();
            bytes[i < 200 ? random.Next(2 * 4096) : random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(_world.Tracking, bytes);
            try
            {
                var opened = _world.Open();
                Assert.True(
                    opened.BitmapSets.Count == 0 || opened.InconsistentReason(1) is not null || dirty.All(e => Covers(opened.Extents(1), e)),
                    $"try {i}: the bitmap is believed and lacks a block");
                Assert.NotEmpty(opened.BitmapSets);
                _world.Run(opened.CloseAsync());
            }
            catch (VolumeException e)
            {
                Assert.True(e.Error is VolumeError.Damaged or VolumeError.UnknownVersion, e.Message);
            }
        }
    }

    private static bool Covers(IReadOnlyList<Extent> extents, Extent wanted) => extents.Any(e => e.Offset <= wanted.Offset && e.End >= wanted.End);
}
