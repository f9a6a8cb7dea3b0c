using System.Security.Cryptography;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Compression;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Tests.Support;
using CsCheck;

namespace ActorBackup.Storage.Tests.Packs;

public sealed class PackTests
{
    private readonly MemoryObjectStore _store = new();

    [Fact]
    public async Task Blocks_come_back_in_the_order_in_which_they_were_added() =>
        await Gen.Select(Gen.Int[1, 9000], Gen.Bool, Gen.Int).List[1, 20].SampleAsync(
            async blocks =>
            {
                var store = new MemoryObjectStore();
                var builder = new PackBuilder(PackKind.Data);
                var plain = blocks.ConvertAll(b => b.Item2 ? Content.Noise(b.Item3, b.Item1) : Content.Text(b.Item3 & 127, b.Item1));
                plain.ForEach(p => PackSamples.Add(builder, p));
                var size = builder.SizeBytes;
                var pack = builder.Seal();
                await store.PutIfAbsentAsync(pack.Key, pack.Bytes, CancellationToken.None);

                var footer = await new PackReader(store).ReadFooterAsync(pack.Key, CancellationToken.None);
                Assert.Equal(size, pack.Bytes.Length);
                Assert.Equal(pack.Blocks.ToArray(), footer.Blocks);
                Assert.Equal(PackKind.Data, footer.Kind);
                Assert.Equal(plain, await PackSamples.ReadAllAsync(store, pack.Key));
            },
            iter: 50);

    [Fact]
    public void A_pack_is_named_by_its_kind_and_content()
    {
        var data = PackSamples.Small();
        var tree = PackSamples.Small(PackKind.Tree);

        var name = Convert.ToHexStringLower(SHA256.HashData(data.Bytes.Span));
        Assert.Equal($"packs/data/{name[..2]}/{name}", data.Key);
        Assert.StartsWith("packs/tree/", tree.Key, StringComparison.Ordinal);
    }

    [Fact]
    public void A_builder_that_was_used_before_makes_the_same_pack_as_a_new_one()
    {
        var builder = new PackBuilder(PackKind.Data);
        PackSamples.Add(builder, Content.Noise(9, 500_000));
        builder.Seal();
        builder.Reset();
        foreach (var plain in PackSamples.Plain)
        {
            PackSamples.Add(builder, plain);
        }

        Assert.Equal(PackSamples.Small().Bytes.ToArray(), builder.Seal().Bytes.ToArray());
    }

    [Fact]
    public async Task Padding_changes_the_name_and_nothing_else()
    {
        var packs = Enumerable.Range(0, 4).Select(p => PackSamples.Small(paddingBytes: p)).ToList();

        Assert.Equal(4, packs.Select(p => p.Key).Distinct().Count());
        foreach (var pack in packs)
        {
            Assert.Equal(packs[0].Blocks.ToArray(), pack.Blocks.ToArray());
            await _store.PutIfAbsentAsync(pack.Key, pack.Bytes, CancellationToken.None);
            Assert.Equal(PackSamples.Plain, await PackSamples.ReadAllAsync(_store, pack.Key));
        }
    }

    [Fact]
    public void A_pack_takes_blocks_until_the_next_would_exceed_its_size()
    {
        var builder = new PackBuilder(PackKind.Data);
        var block = new byte[1024 * 1024];
        var count = 0;
        while (builder.TryAdd(Content.Digest(count), block, BlockCompression.None, block.Length))
        {
            count++;
        }

        Assert.Equal(15, count);
        Assert.Equal(15, builder.Count);
        Assert.InRange(builder.Seal().Bytes.Length, 15 * 1024 * 1024, PackBuilder.TargetBytes);
    }

    [Fact]
    public async Task The_largest_block_fits_a_pack_and_a_larger_one_is_refused()
    {
        var builder = new PackBuilder(PackKind.Data);
        var block = Content.Noise(1, PackBuilder.MaxBlockBytes);
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.TryAdd(Content.Digest(1), new byte[PackBuilder.MaxBlockBytes + 1], BlockCompression.None, 1));

        PackSamples.Add(builder, block);

        var pack = builder.Seal();
        await _store.PutIfAbsentAsync(pack.Key, pack.Bytes, CancellationToken.None);
        var read = await PackSamples.ReadAllAsync(_store, pack.Key);
        Assert.True(block.AsSpan().SequenceEqual(read[0]));
    }

    [Fact]
    public void What_does_not_shrink_by_a_thirty_second_is_stored_as_it_is()
    {
        var buffer = new byte[BlockCompressor.BoundOf(65536)];
        byte[] NoiseThenZeroes(int noise) => [.. Content.Noise(1, noise), .. new byte[65536 - noise]];

        Assert.Equal(0, BlockCompressor.Compress(Content.Noise(1, 65536), buffer));
        Assert.Equal(0, BlockCompressor.Compress(NoiseThenZeroes(65536 - 2000), buffer));
        var length = BlockCompressor.Compress(NoiseThenZeroes(65536 - 2600), buffer);
        Assert.InRange(length, 1, 65536 - 2048);
    }
}
