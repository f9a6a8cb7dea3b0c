using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Points;

public sealed class PointStoreTests
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly RecoveryPoint Point = TestRepository.PointOf(1, 100 * 4096, Content.Digest(1), []);

    private readonly MemoryObjectStore _memory = new();
    private readonly FaultyObjectStore _store;
    private readonly PointStore _points;

    public PointStoreTests()
    {
        _store = new FaultyObjectStore(_memory);
        _points = new PointStore(_store, new ImmediateClock());
    }

    [Fact]
    public async Task A_published_point_is_there_for_every_reader()
    {
        Assert.Equal(PublishOutcome.Published, await _points.PublishAsync(Point, None));

        Assert.Equivalent(Point, await _points.TryGetAsync(Point.Id, None), strict: true);
        Assert.Equivalent(Point, await Another().TryGetAsync(Point.Id, None), strict: true);
        Assert.Equal(["points/" + Point.Id], _memory.Objects.Keys);
    }

    [Fact]
    public async Task A_second_point_of_the_same_job_changes_nothing()
    {
        await _points.PublishAsync(Point, None);

        Assert.Equal(PublishOutcome.AlreadyThere, await _points.PublishAsync(Point with { Root = Content.Digest(2) }, None));

        Assert.Equal(Point.Root, (await Another().TryGetAsync(Point.Id, None))!.Root);
    }

    /// <summary>Rule 12: a late writer of a job that was given up cannot publish.</summary>
    [Fact]
    public async Task A_tombstone_that_comes_first_keeps_the_point_away_for_ever()
    {
        Assert.Equal(BuryOutcome.Buried, await _points.BuryAsync(Point.Id, None));

        Assert.Equal(PublishOutcome.Buried, await Another().PublishAsync(Point, None));
        Assert.Equal(BuryOutcome.Buried, await Another().BuryAsync(Point.Id, None));
        Assert.Null(await _points.TryGetAsync(Point.Id, None));
        var listing = await _points.ListAsync(None);
        Assert.Empty(listing.Points);
        Assert.Empty(listing.Damaged);
    }

    /// <summary>Rule 12: if the point is there, the job succeeded.</summary>
    [Fact]
    public async Task A_point_that_comes_first_keeps_the_tombstone_away()
    {
        await _points.PublishAsync(Point, None);

        Assert.Equal(BuryOutcome.PointExists, await Another().BuryAsync(Point.Id, None));

        Assert.NotNull(await Another().TryGetAsync(Point.Id, None));
    }

    /// <summary>Rules 12 and 25.</summary>
    [Fact]
    public async Task Of_a_publisher_and_an_undertaker_at_once_exactly_one_wins_and_both_know_who()
    {
        for (var round = 0; round < 50; round++)
        {
            var point = TestRepository.PointOf(round, 4096, default, []);
            using var start = new Barrier(2);
            var publish = OnThreadOfItsOwn(start, () => Another().PublishAsync(point, None));
            var bury = OnThreadOfItsOwn(start, () => Another().BuryAsync(point.Id, None));

            var isPublished = await publish == PublishOutcome.Published;
            Assert.Equal(isPublished ? BuryOutcome.PointExists : BuryOutcome.Buried, await bury);
            Assert.Equal(isPublished, await Another().TryGetAsync(point.Id, None) is not null);
        }
    }

    /// <summary>The put may have gone through although it failed: asking again tells.</summary>
    [Fact]
    public async Task A_put_that_failed_after_it_was_stored_is_found_by_the_next_try()
    {
        _store.FaultAfterPut = (n, _) => n == 1 ? new StorageException(StorageError.InputOutput, "lost the answer") : null;
        await Assert.ThrowsAsync<StorageException>(() => _points.PublishAsync(Point, None));

        Assert.Equal(PublishOutcome.AlreadyThere, await _points.PublishAsync(Point, None));
        Assert.Equal(BuryOutcome.PointExists, await _points.BuryAsync(Point.Id, None));
    }

    [Fact]
    public async Task A_put_that_failed_leaves_no_point_and_no_tombstone()
    {
        _store.PutFault = (_, _) => new StorageException(StorageError.NoSpace, "full");

        Assert.Equal(StorageError.NoSpace, (await Assert.ThrowsAsync<StorageException>(() => _points.PublishAsync(Point, None))).Error);
        Assert.Equal(StorageError.NoSpace, (await Assert.ThrowsAsync<StorageException>(() => _points.BuryAsync(Point.Id, None))).Error);

        Assert.Empty(_memory.Objects);
        Assert.Null(await _points.TryGetAsync(Point.Id, None));
    }

    [Fact]
    public async Task Points_are_listed_oldest_first()
    {
        foreach (var number in new[] { 7, 300, 2, 50 })
        {
            await _points.PublishAsync(TestRepository.PointOf(number, 4096, default, []), None);
        }

        await _points.BuryAsync(new PointId(TestRepository.IdOf(8)), None);

        var listing = await Another().ListAsync(None);

        Assert.Equal(new[] { 2, 7, 50, 300 }.Select(TestRepository.IdOf), listing.Points.Select(p => p.Id.Value));
    }

    [Fact]
    public async Task A_deleted_point_is_gone_for_every_reader_that_had_read_it()
    {
        var another = Another();
        await _points.PublishAsync(Point, None);
        await another.TryGetAsync(Point.Id, None);

        await _points.DeleteAsync(Point.Id, None);
        await _points.DeleteAsync(Point.Id, None);

        Assert.Null(await _points.TryGetAsync(Point.Id, None));
        Assert.Null(await another.TryGetAsync(Point.Id, None));
        Assert.Empty((await another.ListAsync(None)).Points);
    }

    [Fact]
    public async Task A_damaged_point_is_named_and_hides_no_other()
    {
        var other = TestRepository.PointOf(2, 4096, default, []);
        await _points.PublishAsync(Point, None);
        await _points.PublishAsync(other, None);
        _memory.Flip("points/" + Point.Id, 999);

        var listing = await Another().ListAsync(None);

        Assert.Equal([other.Id], listing.Points.Select(p => p.Id));
        var (id, reason) = Assert.Single(listing.Damaged);
        Assert.Equal(Point.Id, id);
        Assert.Contains("checksum", reason, StringComparison.Ordinal);
        Assert.Equal(StorageError.Damaged, (await Assert.ThrowsAsync<StorageException>(() => Another().TryGetAsync(Point.Id, None))).Error);
        Assert.Equal(StorageError.Damaged, (await Assert.ThrowsAsync<StorageException>(() => Another().BuryAsync(Point.Id, None))).Error);
        Assert.Equal(StorageError.Damaged, (await Assert.ThrowsAsync<StorageException>(() => Another().PublishAsync(Point, None))).Error);
    }

    [Fact]
    public async Task What_is_no_id_is_neither_published_nor_buried_nor_found()
    {
        var id = new PointId("../repository");

        Assert.Equal(StorageError.Invalid, (await Assert.ThrowsAsync<StorageException>(() => _points.PublishAsync(Point with { Id = id }, None))).Error);
        Assert.Equal(StorageError.Invalid, (await Assert.ThrowsAsync<StorageException>(() => _points.BuryAsync(id, None))).Error);
        Assert.Equal(StorageError.Invalid, (await Assert.ThrowsAsync<StorageException>(() => _points.DeleteAsync(id, None))).Error);
        Assert.Null(await _points.TryGetAsync(id, None));
    }

    [Fact]
    public async Task Objects_that_are_no_points_are_not_listed()
    {
        _memory.Objects["points/readme"] = new byte[3];
        await _points.PublishAsync(Point, None);

        Assert.Equal([Point.Id], (await _points.ListAsync(None)).Points.Select(p => p.Id));
    }

    [Fact]
    public async Task A_point_because_of_which_bits_go_is_durable_whoever_put_it()
    {
        // It got its name, and the sync of its directory failed.
        _store.FaultAfterPut = (number, _) => number == 1 ? new StorageException(StorageError.InputOutput, "sync failed") : null;
        await Assert.ThrowsAsync<StorageException>(() => _points.PublishAsync(Point, None));
        Assert.NotNull(await Another().TryGetAsync(Point.Id, None));
        Assert.Single(_store.Puts);

        Assert.Equal(Point.Root, (await Another().TryGetDurableAsync(Point.Id, None))!.Root);

        // By the contract of a put that finds its key taken.
        Assert.Equal(["points/" + Point.Id, "points/" + Point.Id], _store.Puts);
        _store.PutFault = (_, _) => new StorageException(StorageError.InputOutput, "sync failed");
        await Assert.ThrowsAsync<StorageException>(() => Another().TryGetDurableAsync(Point.Id, None));
        Assert.Null(await Another().TryGetDurableAsync(new PointId("01m850d483zesd3ybs456nm6m9"), None));
    }

    [Fact]
    public void Missing_extents_end_with_the_disk()
    {
        var point = TestRepository.PointOf(1, (10 * 4096) - 100, default, [new BlockRun(2, 3), new BlockRun(9, 1)]);

        Assert.False(point.IsComplete);
        Assert.Equal([new Extent(8192, 12288), new Extent(36864, 3996)], point.MissingExtents());
    }

    private static Task<T> OnThreadOfItsOwn<T>(Barrier start, Func<Task<T>> work) =>
        Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                return work();
            },
            None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).Unwrap();

    /// <summary>As in another process.</summary>
    private PointStore Another() => new(_store, new ImmediateClock());
}
