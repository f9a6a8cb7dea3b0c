using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Compression;
using ActorBackup.Storage.Objects;

namespace ActorBackup.Storage.Packs;

/// <summary>Reads footers and blocks of packs. What it returns was verified.</summary>
public sealed class PackReader(IObjectStore store)
{
    /// <exception cref="StorageException">Missing, damaged, or of a newer version.</exception>
    public async Task<PackFooter> ReadFooterAsync(string key, CancellationToken cancellation)
    {
        var length = await store.TryGetLengthAsync(key, cancellation).ConfigureAwait(false)
            ?? throw new StorageException(StorageError.Missing, $"pack {key} of {store.Url} is not there");
        if (length < PackFormat.HeaderBytes + PackFormat.TrailerBytes)
        {
            throw Damaged(key, "it is too short");
        }

        var header = new byte[PackFormat.HeaderBytes];
        var trailer = new byte[PackFormat.TrailerBytes];
        await store.ReadAsync(key, 0, header, cancellation).ConfigureAwait(false);
        await store.ReadAsync(key, length - trailer.Length, trailer, cancellation).ConfigureAwait(false);
        if (VersionOf(key, header) != PackFormat.Version)
        {
            throw await WhyUnknownAsync(key, VersionOf(key, header), length, cancellation).ConfigureAwait(false);
        }

        var kind = KindOf(key, header);
        var footer = new byte[FooterBytes(key, trailer, length)];
        var blocksEnd = length - trailer.Length - footer.Length;
        await store.ReadAsync(key, blocksEnd, footer, cancellation).ConfigureAwait(false);
        return new PackFooter(key, kind, Parse(key, footer, trailer, blocksEnd));
    }

    /// <summary>Fills <paramref name="plain"/>, which has exactly the block's plain length.</summary>
    /// <exception cref="StorageException">Missing, or not what was stored.</exception>
    public async ValueTask ReadBlockAsync(string pack, PackedBlock block, Memory<byte> plain, CancellationToken cancellation)
    {
        if (plain.Length != block.PlainLength)
        {
            throw new StorageException(StorageError.Damaged, $"block {block.Digest} in pack {pack} has {block.PlainLength} bytes; {plain.Length} were expected");
        }

        var stored = ArrayPool<byte>.Shared.Rent((int)block.StoredLength);
        try
        {
            var bytes = stored.AsMemory(0, (int)block.StoredLength);
            await store.ReadAsync(pack, block.Offset, bytes, cancellation).ConfigureAwait(false);
            Unpack(pack, block, bytes.Span, plain.Span);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    /// <summary>Fills the buffer with bytes of a pack as they are stored: nothing is known about them before their blocks were unpacked.</summary>
    /// <exception cref="StorageException">Missing, or too short.</exception>
    public async ValueTask ReadStoredAsync(string pack, long offset, Memory<byte> stored, CancellationToken cancellation) =>
        await store.ReadOnceAsync(pack, offset, stored, cancellation).ConfigureAwait(false);

    /// <summary>Decompresses and verifies stored bytes.</summary>
    public static void Unpack(string pack, PackedBlock block, ReadOnlySpan<byte> stored, Span<byte> plain)
    {
        if (block.Compression == BlockCompression.None && stored.Length == plain.Length)
        {
            stored.CopyTo(plain);
        }
        else
        {
            BlockCompressor.Decompress(stored, plain);
        }

        if (BlockDigests.Of(plain) != block.Digest)
        {
            throw new StorageException(StorageError.Damaged, $"block {block.Digest} in pack {pack} is damaged: its bytes have another digest");
        }
    }

    private static uint VersionOf(string key, ReadOnlySpan<byte> header) =>
        header.StartsWith(PackFormat.HeadMagic)
            ? BinaryPrimitives.ReadUInt32LittleEndian(header[8..])
            : throw Damaged(key, "it does not begin as a pack");

    private static PackKind KindOf(string key, ReadOnlySpan<byte> header) =>
        header[12] is (byte)PackKind.Data or (byte)PackKind.Tree
        && key.StartsWith(PackFormat.PrefixOf((PackKind)header[12]), StringComparison.Ordinal)
        && header[13..].IndexOfAnyExcept((byte)0) < 0
            ? (PackKind)header[12]
            : throw Damaged(key, "its kind is unknown, or another than its name says");

    /// <summary>A newer version, or damage? No checksum covers the header alone, but every pack is named by its content.</summary>
    private async Task<StorageException> WhyUnknownAsync(string key, uint version, long length, CancellationToken cancellation)
    {
        const int ChunkBytes = 1 << 20;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new byte[Math.Min(ChunkBytes, length)];
        for (var at = 0L; at < length; at += ChunkBytes)
        {
            var part = chunk.AsMemory(0, (int)Math.Min(ChunkBytes, length - at));
            await store.ReadAsync(key, at, part, cancellation).ConfigureAwait(false);
            hash.AppendData(part.Span);
        }

        return key.EndsWith("/" + Convert.ToHexStringLower(hash.GetHashAndReset()), StringComparison.Ordinal)
            ? new StorageException(StorageError.UnknownVersion, $"pack {key} was written by a newer version ({version}) of ActorBackup; upgrade")
            : Damaged(key, "its version is unknown and its name is not that of its content");
    }

    private static int FooterBytes(string key, ReadOnlySpan<byte> trailer, long length)
    {
        var count = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        var bytes = BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]);
        return trailer[(8 + SHA256.HashSizeInBytes)..].SequenceEqual(PackFormat.TailMagic)
            && count is > 0 and <= PackFormat.CountMax
            && bytes == count * PackFormat.EntryBytes
            && bytes <= length - PackFormat.HeaderBytes - PackFormat.TrailerBytes
            ? (int)bytes
            : throw Damaged(key, "its trailer is wrong");
    }

    private static PackedBlock[] Parse(string key, ReadOnlySpan<byte> footer, ReadOnlySpan<byte> trailer, long blocksEnd)
    {
        if (!SHA256.HashData(footer).AsSpan().SequenceEqual(trailer.Slice(8, SHA256.HashSizeInBytes)))
        {
            throw Damaged(key, "its footer's checksum is wrong");
        }

        var blocks = new PackedBlock[footer.Length / PackFormat.EntryBytes];
        for (var i = 0; i < blocks.Length; i++)
        {
            blocks[i] = PackEntry.Read(footer.Slice(i * PackFormat.EntryBytes, PackFormat.EntryBytes));
            if (!PackEntry.IsPossible(blocks[i], blocksEnd))
            {
                throw Damaged(key, $"entry {i} of its footer is impossible");
            }
        }

        return blocks;
    }

    private static StorageException Damaged(string key, string how) => new(StorageError.Damaged, $"pack {key} is damaged: {how}");
}
