using System.Buffers.Binary;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Packs;

/// <summary>Damage is found, and what comes back is what was stored or nothing.</summary>
public sealed class PackDamageTests
{
    private readonly MemoryObjectStore _store = new();

    [Fact]
    public async Task Every_truncation_is_found()
    {
        var pack = PackSamples.Small();
        for (var length = 0; length < pack.Bytes.Length; length++)
        {
            _store.Objects[pack.Key] = pack.Bytes[..length].ToArray();

            Assert.Equal(StorageError.Damaged, await ErrorOfAsync(pack.Key));
        }
    }

    [Fact]
    public async Task Every_flipped_bit_is_found_or_changes_nothing()
    {
        var pack = PackSamples.Small();
        var zstd = pack.Blocks.ToArray().Where(b => b.Compression == BlockCompression.Zstd).ToArray();
        Assert.Equal(2, zstd.Length);
        for (var bit = 0L; bit < pack.Bytes.Length * 8L; bit++)
        {
            _store.Objects[pack.Key] = Damage.FlipBit(pack.Bytes.Span, bit);
            var error = await ErrorOfAsync(pack.Key);

            // A compressed frame has bits that say nothing about its content.
            Assert.True(error == StorageError.Damaged || (error is null && zstd.Any(b => b.Offset <= bit / 8 && bit / 8 < b.Offset + b.StoredLength)), $"Bit {bit}: {error}.");
        }
    }

    [Fact]
    public async Task A_flipped_bit_under_a_footer_that_was_read_before_is_found_too()
    {
        var pack = PackSamples.Small();
        var reader = new PackReader(_store);
        var end = pack.Blocks.Span[^1].Offset + pack.Blocks.Span[^1].StoredLength;
        for (var bit = PackFormat.HeaderBytes * 8L; bit < end * 8L; bit++)
        {
            _store.Objects[pack.Key] = Damage.FlipBit(pack.Bytes.Span, bit);
            try
            {
                Assert.Equal(PackSamples.Plain, await PackSamples.ReadAllAsync(reader, pack.Key, pack.Blocks.ToArray()));
            }
            catch (StorageException e)
            {
                Assert.Equal(StorageError.Damaged, e.Error);
            }
        }
    }

    [Fact]
    public async Task A_pack_that_is_not_there_is_missing()
    {
        var pack = PackSamples.Small();

        Assert.Equal(StorageError.Missing, await ErrorOfAsync(pack.Key));
    }

    [Fact]
    public async Task A_newer_version_is_refused_as_such_and_a_damaged_version_is_damage()
    {
        var newer = PackSamples.Small().Bytes.ToArray();
        newer[8] = 2;
        var key = PackSamples.Put(_store, newer);
        Assert.Equal(StorageError.UnknownVersion, await ErrorOfAsync(key));

        var pack = PackSamples.Small();
        _store.Objects[pack.Key] = newer;
        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(pack.Key));
    }

    [Fact]
    public async Task A_pack_of_trees_under_the_name_of_a_pack_of_data_is_damage()
    {
        var key = PackSamples.Put(_store, PackSamples.Small(PackKind.Tree).Bytes.ToArray(), PackKind.Data);

        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(key));
    }

    public static TheoryData<string, int, uint> HostileEntries => new()
    {
        { "unknown compression", 32, 2 },
        { "offset in the header", 36, 15 },
        { "offset beyond the blocks", 36, 100_000 },
        { "offset whose end overflows", 36, uint.MaxValue },
        { "no stored bytes", 40, 0 },
        { "more stored bytes than there are", 40, 100_000 },
        { "more stored bytes than a block may have", 40, uint.MaxValue },
        { "no plain bytes", 44, 0 },
        { "more plain bytes than a block may have", 44, PackBuilder.MaxBlockBytes + 1 },
        { "stored as it is in another length", 44, 65 },
    };

    [Theory]
    [MemberData(nameof(HostileEntries))]
    public async Task An_entry_that_cannot_be_true_is_refused(string what, int offset, uint value)
    {
        var bytes = PackSamples.WithFooter(f => BinaryPrimitives.WriteUInt32LittleEndian(f.AsSpan(offset), value));

        Assert.True(StorageError.Damaged == await FooterErrorOfAsync(bytes), what);
    }

    [Fact]
    public async Task An_entry_without_digest_is_refused() =>
        Assert.Equal(StorageError.Damaged, await FooterErrorOfAsync(PackSamples.WithFooter(f => f.AsSpan(0, 32).Clear())));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(2, 3 * 48)]
    [InlineData(4, 4 * 48)]
    [InlineData(3, 3 * 48 - 1)]
    [InlineData((1 << 20) + 1, ((1 << 20) + 1) * 48)]
    [InlineData(uint.MaxValue, unchecked(uint.MaxValue * 48))]
    public async Task A_trailer_that_cannot_be_true_is_refused(uint count, uint footerBytes) =>
        Assert.Equal(StorageError.Damaged, await FooterErrorOfAsync(PackSamples.WithTrailer(count, footerBytes)));

    /// <summary>What a frame unpacks to is bounded by what its entry promises.</summary>
    [Theory]
    [InlineData(256 + 1)]
    [InlineData(256 - 1)]
    [InlineData(1)]
    public async Task A_frame_of_another_length_than_its_entry_says_is_damage(int plainLength)
    {
        var bytes = PackSamples.WithFooter(f => BinaryPrimitives.WriteUInt32LittleEndian(f.AsSpan(PackFormat.EntryBytes + 44), (uint)plainLength));

        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(PackSamples.Put(_store, bytes)));
    }

    [Fact]
    public async Task A_block_is_not_read_into_a_buffer_of_another_length()
    {
        var pack = PackSamples.Small();
        await _store.PutIfAbsentAsync(pack.Key, pack.Bytes, CancellationToken.None);
        var reader = new PackReader(_store);

        var e = await Assert.ThrowsAsync<StorageException>(
            () => reader.ReadBlockAsync(pack.Key, pack.Blocks.Span[0], new byte[63], CancellationToken.None).AsTask());
        Assert.Equal(StorageError.Damaged, e.Error);
    }

    /// <summary>What is refused here never comes into an index.</summary>
    private async Task<StorageError?> FooterErrorOfAsync(byte[] bytes)
    {
        var key = PackSamples.Put(_store, bytes);
        return (await Record.ExceptionAsync(() => new PackReader(_store).ReadFooterAsync(key, CancellationToken.None)) as StorageException)?.Error;
    }

    /// <summary>Null when everything was read and is right.</summary>
    private async Task<StorageError?> ErrorOfAsync(string key)
    {
        try
        {
            Assert.Equal(PackSamples.Plain, await PackSamples.ReadAllAsync(_store, key));
            return null;
        }
        catch (StorageException e)
        {
            return e.Error;
        }
    }
}
