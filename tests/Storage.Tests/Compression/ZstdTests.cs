using ActorBackup.Storage.Compression;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Compression;

/// <summary>The machine's library and the managed one: each reads what the other wrote, and neither trusts what it is given.</summary>
public sealed class ZstdTests
{
    private static readonly byte[][] Blocks =
    [
        [],
        [7],
        new byte[65536],
        Content.Text(1, 65536),
        Content.Noise(2, 65536),
        [.. Content.Text(3, 30000), .. Content.Noise(4, 35536)],
        Content.Text(5, 4 * 1024 * 1024),
    ];

    public static TheoryData<bool, bool> Pairs() => NativeZstd.IsAvailable
        ? new TheoryData<bool, bool> { { true, true }, { true, false }, { false, true }, { false, false } }
        : new TheoryData<bool, bool> { { false, false } };

    [Theory]
    [MemberData(nameof(Pairs))]
    public void What_one_wrote_the_other_reads(bool isWriterNative, bool isReaderNative)
    {
        using var writer = BlockCompressor.Create(isWriterNative);
        using var reader = BlockCompressor.Create(isReaderNative);
        foreach (var block in Blocks)
        {
            var stored = new byte[BlockCompressor.BoundOf(block.Length)];
            var length = writer.Compress(block, stored);
            var plain = new byte[block.Length];

            Assert.Equal(block.Length, reader.Decompress(stored.AsSpan(0, length), plain));
            Assert.True(block.AsSpan().SequenceEqual(plain));
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Damage_is_an_error_or_other_bytes_and_never_more_than_there_is_room_for(bool isWriterNative, bool isReaderNative)
    {
        using var writer = BlockCompressor.Create(isWriterNative);
        using var reader = BlockCompressor.Create(isReaderNative);
        var stored = new byte[BlockCompressor.BoundOf(4096)];
        stored = stored[..writer.Compress(Content.Text(9, 4096), stored)];
        Assert.Throws<StorageException>(() => reader.Decompress(stored, new byte[4095]));
        Assert.Throws<StorageException>(() => reader.Decompress(stored.AsSpan(0, stored.Length - 1), new byte[4096]));
        Assert.Throws<StorageException>(() => reader.Decompress(Content.Noise(1, 100), new byte[4096]));
        for (var bit = 0; bit < stored.Length * 8; bit++)
        {
            var plain = new byte[4096 + 64];
            plain.AsSpan(4096).Fill(0xa5);
            try
            {
                Assert.InRange(reader.Decompress(Damage.FlipBit(stored, bit), plain.AsSpan(0, 4096)), 0, 4096);
            }
            catch (StorageException e)
            {
                Assert.Equal(StorageError.Damaged, e.Error);
            }

            Assert.Equal(-1, plain.AsSpan(4096).IndexOfAnyExcept((byte)0xa5));
        }
    }
}
