using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Verifying;

namespace ActorBackup.Storage.Tests.Repositories;

public sealed class RepositoryTests
{
    private const int BlockBytes = TestRepository.BlockBytes;

    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task An_incremental_writes_what_changed_and_the_nodes_above_it()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(1, 2000 * BlockBytes);
        var first = await repository.BackUpAsync(image);
        var packs = repository.Objects.Packs.ToHashSet();
        var changed = image.ToArray();
        Content.Noise(2, BlockBytes).CopyTo(changed, 1234 * BlockBytes);

        await repository.BackUpAsync(changed, first, image);

        var blocks = 0;
        foreach (var pack in repository.Objects.Packs.Where(p => !packs.Contains(p)))
        {
            blocks += (await repository.Data.Packs.ReadFooterAsync(pack, None)).Blocks.Length;
        }

        Assert.Equal(1 + 3, blocks);
    }

    [Fact]
    public async Task Points_of_equal_images_share_their_root_and_cost_one_object()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(1, 100 * BlockBytes);
        var first = await repository.BackUpAsync(image);
        var before = repository.Objects.Objects.Count;

        var second = await repository.BackUpAsync(image);

        Assert.Equal(first.Root, second.Root);
        Assert.Equal(before + 1, repository.Objects.Objects.Count);
    }

    [Fact]
    public async Task A_diff_has_what_differs_and_what_only_one_of_both_lacks()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(1, (100 * BlockBytes) - 1000);
        var changed = image.ToArray();
        changed[(10 * BlockBytes) + 5] ^= 1;
        changed[11 * BlockBytes] ^= 1;
        changed[^1] ^= 1;
        var a = await repository.BackUpAsync(image, missing: [new BlockRun(30, 5), new BlockRun(50, 10)]);
        var b = await repository.BackUpAsync(changed, a, image, missing: [new BlockRun(50, 5), new BlockRun(60, 1)]);

        Extent[] expected =
        [
            new(10 * BlockBytes, 2 * BlockBytes), new(30 * BlockBytes, 5 * BlockBytes), new(55 * BlockBytes, 6 * BlockBytes), new(99 * BlockBytes, BlockBytes - 1000),
        ];
        Assert.Equal(expected, await repository.Data.DiffAsync(a, b, None));
        Assert.Equal(expected, await repository.Data.DiffAsync(b, a, None));
        Assert.Empty(await repository.Data.DiffAsync(a, a, None));
    }

    [Fact]
    public async Task Points_of_different_shapes_are_not_compared()
    {
        await using var repository = await TestRepository.CreateAsync();
        var a = await repository.BackUpAsync(Content.Noise(1, 10 * BlockBytes));
        var b = await repository.BackUpAsync(Content.Noise(1, 11 * BlockBytes));

        Assert.Equal(StorageError.Invalid, (await Assert.ThrowsAsync<StorageException>(() => repository.Data.DiffAsync(a, b, None))).Error);
    }

    [Fact]
    public async Task A_measure_counts_points_and_every_object()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(1, 10 * BlockBytes);
        await repository.BackUpAsync(image);
        await repository.BackUpAsync(image);

        Assert.Equal(
            new RepositoryMeasure(2, repository.Objects.Objects.Values.Sum(o => (long)o.Length), 20 * BlockBytes), await repository.Data.MeasureAsync(None));
    }

    [Fact]
    public async Task Deleting_a_point_takes_nothing_from_the_others()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(1, 100 * BlockBytes);
        var first = await repository.BackUpAsync(image);
        var changed = image.ToArray();
        changed[5] ^= 1;
        var second = await repository.BackUpAsync(changed, first, image);

        await repository.Data.Points.DeleteAsync(first.Id, None);
        await repository.ReopenAsync();

        Assert.Equal([second.Id], (await repository.Data.Points.ListAsync(None)).Points.Select(p => p.Id));
        Assert.Empty(await new PointVerify(repository.Data, second, 100, new RecordingProgress()).RunAsync(None));
    }

    /// <summary>Between any two steps of a backup a crash leaves garbage, never a point that lacks a block.</summary>
    [Fact]
    public async Task A_backup_that_dies_at_any_put_leaves_only_whole_points()
    {
        var image = Content.Noise(1, 100 * BlockBytes);
        var changed = Content.Noise(2, 100 * BlockBytes);
        for (var dies = 1; ; dies++)
        {
            await using var repository = await TestRepository.CreateAsync();
            var first = await repository.BackUpAsync(image);
            var puts = repository.Store.Puts.Count;
            repository.Store.PutFault = (n, _) => n >= puts + dies ? new StorageException(StorageError.Missing, "died") : null;
            var died = false;
            try
            {
                await repository.BackUpAsync(changed, first, image);
            }
            catch (StorageException)
            {
                died = true;
            }

            repository.Store.PutFault = null;
            await repository.ReopenAsync();
            var points = (await repository.Data.Points.ListAsync(None)).Points;
            Assert.Equal(died ? 1 : 2, points.Count);
            foreach (var point in points)
            {
                Assert.Empty(await new PointVerify(repository.Data, point, 100, new RecordingProgress()).RunAsync(None));
            }

            if (!died)
            {
                Assert.Equal(4, dies);
                return;
            }
        }
    }

    [Fact]
    public async Task A_repository_on_a_disk_is_found_again_by_another_process()
    {
        using var directory = new TemporaryDirectory();
        await Repository.CreateAsync(LinuxFileLayer.Instance, directory.Path, new ImmediateClock());
        var index = new DigestIndex();
        var observer = new RecordingObserver(new MemoryObjectStore());
        await using (var repository = await Repository.OpenAsync(LinuxFileLayer.Instance, directory.Path, new LocalDigestIndex(index), new ImmediateClock(), None))
        {
            await using var session = repository.Writer.StartSession(observer, repository.Nodes);
            await session.StoreAsync(new[] { new Storage.Writing.BlockToStore(3, TestRepository.DigestOf(Content.Noise(1, BlockBytes), 0), Content.Noise(1, BlockBytes)) }, None);
            await session.FlushAsync(None);
        }

        var rebuilt = new DigestIndex();
        await using var again = await Repository.OpenAsync(LinuxFileLayer.Instance, directory.Path, new LocalDigestIndex(rebuilt), new ImmediateClock(), None);
        await IndexLoader.LoadAsync(again.Objects, f => rebuilt.Record(f.Key, f.Blocks), None);

        Assert.Equal([3L], observer.Blocks);
        Assert.Equal(Content.Noise(1, BlockBytes), await again.Blocks.ReadAsync(TestRepository.DigestOf(Content.Noise(1, BlockBytes), 0), None));
        Assert.Equal(["packs", "repository", "tmp"], Directory.GetFileSystemEntries(directory.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}
