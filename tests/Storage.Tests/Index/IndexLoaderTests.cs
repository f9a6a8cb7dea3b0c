using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Tests.Packs;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Index;

public sealed class IndexLoaderTests
{
    [Fact]
    public async Task An_index_that_is_rebuilt_from_the_packs_equals_the_live_one()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(1, 200 * TestRepository.BlockBytes);
        var first = await repository.BackUpAsync(image);
        var changed = image.ToArray();
        Content.Noise(2, 5 * TestRepository.BlockBytes).CopyTo(changed, 70 * TestRepository.BlockBytes);
        await repository.BackUpAsync(changed, first, image);
        var digests = (await FootersAsync(repository)).SelectMany(f => f.Blocks.Select(b => b.Digest)).Distinct().ToArray();
        Assert.InRange(digests.Length, 205, 230);
        var live = repository.Index;

        Assert.Empty(await repository.ReopenAsync());

        Assert.NotSame(live, repository.Index);
        Assert.Equal(live.Count, repository.Index.Count);
        Assert.Equal(live.Locate(digests), repository.Index.Locate(digests));
    }

    [Fact]
    public async Task A_pack_that_cannot_be_read_is_left_out_with_the_reason()
    {
        await using var repository = await TestRepository.CreateAsync();
        await repository.BackUpAsync(Content.Noise(1, 10 * TestRepository.BlockBytes));
        await repository.BackUpAsync(Content.Noise(2, 10 * TestRepository.BlockBytes));
        var bad = repository.PackOf(TestRepository.DigestOf(Content.Noise(1, 10 * TestRepository.BlockBytes), 3));
        repository.Objects.Flip(bad, (repository.Objects.Objects[bad].Length - 100) * 8L);

        var left = await repository.ReopenAsync();

        Assert.Contains(bad, Assert.Single(left), StringComparison.Ordinal);
        Assert.Null(repository.PackOf(TestRepository.DigestOf(Content.Noise(1, 10 * TestRepository.BlockBytes), 3)));
        Assert.NotNull(repository.PackOf(TestRepository.DigestOf(Content.Noise(2, 10 * TestRepository.BlockBytes), 3)));
    }

    [Fact]
    public async Task A_pack_of_a_newer_version_is_not_left_out_but_refused()
    {
        await using var repository = await TestRepository.CreateAsync();
        var bytes = PackSamples.Small().Bytes.ToArray();
        bytes[8] = 2;
        PackSamples.Put(repository.Objects, bytes);

        Assert.Equal(StorageError.UnknownVersion, (await Assert.ThrowsAsync<StorageException>(repository.ReopenAsync)).Error);
    }

    /// <summary>An index of what is no repository would call every block new.</summary>
    [Fact]
    public async Task Objects_without_a_manifest_have_no_index()
    {
        await using var repository = await TestRepository.CreateAsync();
        repository.Objects.Objects.Clear();

        var e = await Assert.ThrowsAsync<StorageException>(() => IndexLoader.LoadAsync(repository.Objects, _ => { }, CancellationToken.None));
        Assert.Equal(StorageError.NotARepository, e.Error);
    }

    [Fact]
    public async Task Garbage_beside_the_packs_is_left_out()
    {
        await using var repository = await TestRepository.CreateAsync();
        repository.Objects.Objects["packs/data/zz/garbage"] = new byte[500];
        repository.Objects.Objects["packs/empty"] = [];
        var point = await repository.BackUpAsync(Content.Noise(1, 10 * TestRepository.BlockBytes));

        Assert.Equal(2, (await repository.ReopenAsync()).Count);
        Assert.False(point.Root.IsNone);
        Assert.NotNull(repository.PackOf(point.Root));
    }

    [Fact]
    public async Task Footers_are_handed_out_one_at_a_time()
    {
        await using var repository = await TestRepository.CreateAsync();
        for (var i = 0; i < 20; i++)
        {
            await repository.BackUpAsync(Content.Noise(i, TestRepository.BlockBytes));
        }

        var inside = 0;
        var taken = 0;
        await IndexLoader.LoadAsync(
            repository.Objects,
            _ =>
            {
                Assert.Equal(1, Interlocked.Increment(ref inside));
                taken++;
                Interlocked.Decrement(ref inside);
            },
            CancellationToken.None);

        Assert.Equal(repository.Objects.Packs.Count(), taken);
    }

    private static async Task<List<PackFooter>> FootersAsync(TestRepository repository)
    {
        var footers = new List<PackFooter>();
        foreach (var pack in repository.Objects.Packs)
        {
            footers.Add(await repository.Data.Packs.ReadFooterAsync(pack, CancellationToken.None));
        }

        return footers;
    }
}
