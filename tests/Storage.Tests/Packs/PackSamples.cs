using System.Buffers.Binary;
using System.Security.Cryptography;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Compression;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Packs;

/// <summary>Small packs, good ones and such as only a hostile or newer writer makes.</summary>
internal static class PackSamples
{
    public static readonly byte[][] Plain = [Content.Noise(1, 64), Content.Text(2, 256), Content.Text(3, 100)];

    public static SealedPack Small(PackKind kind = PackKind.Data, int paddingBytes = 0)
    {
        var builder = new PackBuilder(kind);
        foreach (var plain in Plain)
        {
            Add(builder, plain);
        }

        return Copy(builder.Seal(paddingBytes));
    }

    public static void Add(PackBuilder builder, byte[] plain)
    {
        var buffer = new byte[BlockCompressor.BoundOf(plain.Length)];
        var length = BlockCompressor.Compress(plain, buffer);
        Assert.True(length > 0
            ? builder.TryAdd(BlockDigests.Of(plain), buffer.AsSpan(0, length), BlockCompression.Zstd, plain.Length)
            : builder.TryAdd(BlockDigests.Of(plain), plain, BlockCompression.None, plain.Length));
    }

    /// <summary>Free of the builder.</summary>
    public static SealedPack Copy(SealedPack pack) => pack with { Bytes = pack.Bytes.ToArray() };

    /// <summary>The small pack with other entries, its checksum right again.</summary>
    public static byte[] WithFooter(Action<byte[]> change)
    {
        var bytes = Small().Bytes.ToArray();
        var footerLength = Plain.Length * PackFormat.EntryBytes;
        var footerAt = bytes.Length - PackFormat.TrailerBytes - footerLength;
        var footer = bytes.AsSpan(footerAt, footerLength).ToArray();
        change(footer);
        footer.CopyTo(bytes, footerAt);
        SHA256.HashData(footer, bytes.AsSpan(bytes.Length - 40, 32));
        return bytes;
    }

    public static byte[] WithTrailer(uint count, uint footerBytes)
    {
        var bytes = Small().Bytes.ToArray();
        var trailer = bytes.AsSpan(bytes.Length - PackFormat.TrailerBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, count);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], footerBytes);
        return bytes;
    }

    /// <summary>Stores the bytes under the name that they would have.</summary>
    public static string Put(MemoryObjectStore store, byte[] bytes, PackKind kind = PackKind.Data)
    {
        var key = PackFormat.KeyOf(kind, bytes);
        store.Objects[key] = bytes;
        return key;
    }

    public static async Task<byte[][]> ReadAllAsync(MemoryObjectStore store, string key)
    {
        var reader = new PackReader(store);
        var footer = await reader.ReadFooterAsync(key, CancellationToken.None);
        return await ReadAllAsync(reader, key, footer.Blocks);
    }

    public static async Task<byte[][]> ReadAllAsync(PackReader reader, string key, PackedBlock[] blocks)
    {
        var plain = new byte[blocks.Length][];
        for (var i = 0; i < blocks.Length; i++)
        {
            plain[i] = new byte[blocks[i].PlainLength];
            await reader.ReadBlockAsync(key, blocks[i], plain[i], CancellationToken.None);
        }

        return plain;
    }
}
