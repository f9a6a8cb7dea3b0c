using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Verifying;

namespace ActorBackup.Storage.Tests.Verifying;

public sealed class PointVerifyTests
{
    private const int BlockBytes = TestRepository.BlockBytes;

    private static int BytesOf(TestRepository repository, string pack) => repository.Store.Ranges.Where(r => r.Key == pack).Sum(r => r.Bytes);

    private static readonly CancellationToken None = CancellationToken.None;

    private readonly RecordingProgress _progress = new();

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    [InlineData(100)]
    public async Task A_good_point_has_no_damage(int percent)
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());

        Assert.Empty(await VerifyAsync(repository, point, percent));

        Assert.Equal((point.SizeBytes, point.SizeBytes, 200L * BlockBytes), (_progress.TotalBytes, _progress.DoneBytes, _progress.ZeroBytes));
    }

    [Fact]
    public async Task Quick_reads_no_block_and_full_reads_each()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        var data = repository.PackOf(TestRepository.DigestOf(Image(), 0));
        repository.Store.Ranges.Clear();
        await VerifyAsync(repository, point, 0);
        var quick = BytesOf(repository, data);
        repository.Store.Ranges.Clear();

        await VerifyAsync(repository, point, 100);

        Assert.InRange(BytesOf(repository, data) - quick, 199 * BlockBytes, 200 * BlockBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public async Task A_missing_pack_is_found_and_its_blocks_are_named_in_every_point_that_has_them(int percent)
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var first = await repository.BackUpAsync(image);
        var changed = image.ToArray();
        Content.Noise(9, 3 * BlockBytes).CopyTo(changed, 20 * BlockBytes);
        var second = await repository.BackUpAsync(changed, first, image);
        var pack = repository.PackOf(TestRepository.DigestOf(changed, 20));
        repository.Objects.Objects.TryRemove(pack, out _);

        Assert.Empty(await VerifyAsync(repository, first, percent));
        var damage = Assert.Single(await VerifyAsync(repository, second, percent));

        Assert.Equal(new Extent(20 * BlockBytes, 3 * BlockBytes), damage.Extent);
        Assert.Contains(pack, damage.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flipped_bit_of_a_block_is_found_by_full_in_every_point_that_has_the_block()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        BlockOf(image, 7).CopyTo(image, 350 * BlockBytes);
        var first = await repository.BackUpAsync(image);
        var changed = image.ToArray();
        BlockOf(image, 7).CopyTo(changed, 30 * BlockBytes);
        var second = await repository.BackUpAsync(changed, first, image);
        var digest = TestRepository.DigestOf(image, 7);
        var place = repository.Index.Locate([digest])[0];
        repository.Objects.Flip(place.Pack!, (place.Block.Offset * 8) + 12345);

        Assert.Empty(await VerifyAsync(repository, first, 0));
        Assert.Equal([7L, 350], BlocksOf(await VerifyAsync(repository, first, 100), digest));
        Assert.Equal([7L, 30, 350], BlocksOf(await VerifyAsync(repository, second, 100), digest));
        Assert.Equal(second.SizeBytes, _progress.DoneBytes - (2 * first.SizeBytes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public async Task Any_damage_to_the_header_or_footer_of_a_pack_is_found(int percent)
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Content.Noise(1, 2 * BlockBytes));
        foreach (var pack in repository.Objects.Packs.ToList())
        {
            var good = repository.Objects.Objects[pack];
            var end = (await repository.Data.Packs.ReadFooterAsync(pack, None)).Blocks.Max(b => (int)(b.Offset + b.StoredLength));
            foreach (var bit in Enumerable.Range(0, 16 * 8).Concat(Enumerable.Range(end * 8, (good.Length - end) * 8)))
            {
                repository.Objects.Objects[pack] = Damage.FlipBit(good, bit);
                var damage = Assert.Single(await VerifyAsync(repository, point, percent));
                Assert.Equal(new Extent(0, 2 * BlockBytes), damage.Extent);
                Assert.Contains(pack, damage.Reason, StringComparison.Ordinal);
            }

            repository.Objects.Objects[pack] = good[..^1];
            Assert.Single(await VerifyAsync(repository, point, percent));
            repository.Objects.Objects[pack] = good;
        }

        Assert.Empty(await VerifyAsync(repository, point, percent));
    }

    [Fact]
    public async Task A_damaged_node_is_found_although_it_was_read_before_and_costs_its_blocks()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var first = await repository.BackUpAsync(image);
        var changed = image.ToArray();
        changed[40 * BlockBytes] ^= 1;
        var second = await repository.BackUpAsync(changed, first, image);
        Assert.Empty(await VerifyAsync(repository, second, 100));
        var pack = repository.PackOf(second.Root);
        var footer = await repository.Data.Packs.ReadFooterAsync(pack, None);
        var leaf = footer.Blocks.Single(b => b.Digest != second.Root);
        repository.Objects.Flip(pack, (leaf.Offset + 40) * 8);

        var damage = Assert.Single(await VerifyAsync(repository, second, 0));

        Assert.Equal(new Extent(32 * BlockBytes, 32 * BlockBytes), damage.Extent);
        Assert.Equal(3 - 1, _progress.DoneBytes / second.SizeBytes);
        Assert.Empty(await VerifyAsync(repository, first, 100));
        repository.Objects.Objects.TryRemove(pack, out _);
        Assert.Equal(new Extent(0, second.SizeBytes), Assert.Single(await VerifyAsync(repository, second, 0)).Extent);
    }

    [Fact]
    public async Task A_block_that_no_pack_has_is_named()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        repository.Objects.Objects.TryRemove(repository.PackOf(TestRepository.DigestOf(image, 0)), out _);
        await repository.ReopenAsync();

        var damage = await VerifyAsync(repository, point, 0);

        Assert.Equal(200, damage.Count);
        Assert.All(damage, d => Assert.Contains("is in no pack", d.Reason, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_sample_reads_its_share_and_the_same_one_each_time()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(1, 1000 * BlockBytes);
        var point = await repository.BackUpAsync(image);
        var data = repository.PackOf(TestRepository.DigestOf(image, 0));
        var reads = new List<int>();
        foreach (var percent in new[] { 0, 20, 20 })
        {
            repository.Store.Ranges.Clear();
            await VerifyAsync(repository, point, percent);
            reads.Add(BytesOf(repository, data));
        }

        Assert.InRange(reads[1] - reads[0], 150 * BlockBytes, 250 * BlockBytes);
        Assert.Equal(reads[1], reads[2]);
    }

    /// <summary>A pack that is lost is not known to the next index, so a backup that still has its blocks writes them again, for the old points too.</summary>
    [Fact]
    public async Task A_later_backup_heals_what_was_lost_with_a_pack()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var old = await repository.BackUpAsync(image);
        repository.Objects.Objects.TryRemove(repository.PackOf(TestRepository.DigestOf(image, 0)), out _);
        await repository.ReopenAsync();
        Assert.NotEmpty(await VerifyAsync(repository, old, 100));

        await repository.BackUpAsync(image);

        Assert.Empty(await VerifyAsync(repository, old, 100));
    }

    /// <summary>The same blocks in the same order make the same pack, under the name of the damaged one.</summary>
    [Fact]
    public async Task A_later_backup_heals_what_a_damaged_pack_had_even_if_it_makes_the_same_pack()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var old = await repository.BackUpAsync(image);
        foreach (var pack in repository.Objects.Packs.ToList())
        {
            repository.Objects.Flip(pack, (repository.Objects.Objects[pack].Length * 8L) - 1);
        }

        Assert.Equal(2, (await repository.ReopenAsync()).Count);
        Assert.NotEmpty(await VerifyAsync(repository, old, 100));

        await repository.BackUpAsync(image);

        Assert.Empty(await VerifyAsync(repository, old, 100));
        await repository.ReopenAsync();
        Assert.Empty(await VerifyAsync(repository, old, 100));
    }

    [Fact]
    public async Task A_later_backup_heals_a_flipped_bit_once_the_index_has_forgotten_the_pack()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var old = await repository.BackUpAsync(image);
        var pack = repository.PackOf(TestRepository.DigestOf(image, 0));
        repository.Objects.Flip(pack, 8000);
        Assert.NotEmpty(await VerifyAsync(repository, old, 100));
        repository.Index.ForgetPack(pack);

        await repository.BackUpAsync(image);

        Assert.Empty(await VerifyAsync(repository, old, 100));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public async Task A_verification_that_was_stopped_anywhere_goes_on_from_its_mark_and_finds_the_same(int step)
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        foreach (var block in new[] { 3, 70, 350 })
        {
            var place = repository.Index.Locate([TestRepository.DigestOf(image, block)])[0];
            repository.Objects.Flip(place.Pack!, (place.Block.Offset * 8) + 12345);
        }

        var whole = await VerifyAsync(repository, point, 100);
        Assert.Equal([3L, 70, 350], whole.Select(d => d.Extent.Offset / BlockBytes));
        for (var passes = 1; passes < 200; passes += step)
        {
            using var stop = new CancellationTokenSource();
            var first = new PointVerify(repository.Data, point, 100, new StoppingProgress(stop, passes));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.RunAsync(stop.Token));
            var mark = first.Mark;
            var progress = new RecordingProgress();

            var second = new PointVerify(repository.Data, point, 100, progress) { From = mark };
            var damage = await second.RunAsync(None);

            Assert.Equal(whole, damage);
            Assert.Equal((point.SizeBytes, 200L * BlockBytes), (progress.DoneBytes, progress.ZeroBytes));
            Assert.Equal(((passes - 1) / 64) switch { 0 => 0, 1 => 64, 2 => 328, _ => 392 }, mark.Block);
        }
    }

    private static byte[] BlockOf(byte[] image, long block) => TestRepository.BlockOf(image, block);

    /// <summary>Blocks 100 to 299 of 400 are zero; the last is not whole.</summary>
    private static byte[] Image()
    {
        var image = new byte[(400 * BlockBytes) - 512];
        Content.Noise(1, 100 * BlockBytes).CopyTo(image, 0);
        Content.Noise(2, (100 * BlockBytes) - 512).CopyTo(image, 300 * BlockBytes);
        return image;
    }

    private static IEnumerable<long> BlocksOf(IReadOnlyList<DamagedExtent> damage, BlockDigest digest)
    {
        Assert.All(damage, d => Assert.Contains(digest.ToString(), d.Reason, StringComparison.Ordinal));
        return damage.Select(d => d.Extent.Offset / BlockBytes);
    }

    private Task<IReadOnlyList<DamagedExtent>> VerifyAsync(TestRepository repository, RecoveryPoint point, int percent) =>
        new PointVerify(repository.Data, point, percent, _progress).RunAsync(None);

    /// <summary>Stops when so many blocks were let through.</summary>
    private sealed class StoppingProgress(CancellationTokenSource stop, int passes) : IReadProgress
    {
        private int _passed;

        public void Total(long bytes)
        {
        }

        public void Done(long bytes)
        {
        }

        public void Zero(long bytes)
        {
        }

        public void Skipped(long bytes)
        {
        }

        public ValueTask PaceAsync(long bytes, CancellationToken cancellation)
        {
            if (++_passed == passes)
            {
                stop.Cancel();
            }

            cancellation.ThrowIfCancellationRequested();
            return ValueTask.CompletedTask;
        }
    }
}
