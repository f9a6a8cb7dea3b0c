using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ActorBackup.Storage.Sealed;

/// <summary>A small object: magic, u32 version, u32 payload length (both little endian), payload, SHA-256 of all before.</summary>
public static class SealedObject
{
    public const int MagicBytes = 8;
    public const int MaxBytes = 64 * 1024 * 1024;

    private const int HeaderBytes = MagicBytes + 4 + 4;

    /// <exception cref="StorageException">So large that nobody would read it.</exception>
    public static byte[] Seal(ReadOnlySpan<byte> magic, uint version, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > MaxBytes - HeaderBytes - SHA256.HashSizeInBytes)
        {
            throw new StorageException(StorageError.Invalid, $"an object of {payload.Length} bytes is too large; at most {MaxBytes} are possible");
        }

        var bytes = new byte[HeaderBytes + payload.Length + SHA256.HashSizeInBytes];
        magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(MagicBytes), version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(MagicBytes + 4), (uint)payload.Length);
        payload.CopyTo(bytes.AsSpan(HeaderBytes));
        SHA256.HashData(bytes.AsSpan(0, HeaderBytes + payload.Length), bytes.AsSpan(HeaderBytes + payload.Length));
        return bytes;
    }

    public static bool HasMagic(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> magic) => bytes.StartsWith(magic);

    /// <returns>The payload.</returns>
    /// <exception cref="StorageException">Damaged, or of a newer version.</exception>
    public static ReadOnlyMemory<byte> Open(byte[] bytes, ReadOnlySpan<byte> magic, uint version, string what)
    {
        if (bytes.Length < HeaderBytes + SHA256.HashSizeInBytes || !HasMagic(bytes, magic))
        {
            throw new StorageException(StorageError.Damaged, $"{what} is damaged: it does not begin as one");
        }

        var end = bytes.Length - SHA256.HashSizeInBytes;
        if (!SHA256.HashData(bytes.AsSpan(0, end)).AsSpan().SequenceEqual(bytes.AsSpan(end)))
        {
            throw new StorageException(StorageError.Damaged, $"{what} is damaged: its checksum is wrong");
        }

        var found = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(MagicBytes));
        if (found != version)
        {
            throw new StorageException(StorageError.UnknownVersion, $"{what} was written by a newer version ({found}) of ActorBackup than this one knows ({version}); upgrade");
        }

        return BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(MagicBytes + 4)) == end - HeaderBytes
            ? bytes.AsMemory(HeaderBytes, end - HeaderBytes)
            : throw new StorageException(StorageError.Damaged, $"{what} is damaged: its length is wrong");
    }
}
