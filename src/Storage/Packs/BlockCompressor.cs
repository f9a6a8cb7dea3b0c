using ZstdSharp;

namespace ActorBackup.Storage.Packs;

/// <summary>zstd, block by block. Contexts are kept per thread.</summary>
public static class BlockCompressor
{
    private const int Level = 1;

    [ThreadStatic]
    private static Compressor? _compressor;

    [ThreadStatic]
    private static Decompressor? _decompressor;

    /// <summary>How large a destination compressing needs.</summary>
    public static int BoundOf(int plainBytes) => Compressor.GetCompressBound(plainBytes);

    /// <summary>The stored length; 0 if compression does not save a sixteenth, so that the block is stored as it is.</summary>
    public static int Compress(ReadOnlySpan<byte> plain, Span<byte> destination)
    {
        var length = (_compressor ??= new Compressor(Level)).Wrap(plain, destination);
        return length <= plain.Length - (plain.Length / 16) ? length : 0;
    }

    /// <exception cref="StorageException">Damaged: the bytes are not a frame of just this length.</exception>
    public static void Decompress(ReadOnlySpan<byte> stored, Span<byte> plain)
    {
        try
        {
            if ((_decompressor ??= new Decompressor()).Unwrap(stored, plain) == plain.Length)
            {
                return;
            }
        }
        catch (ZstdException e)
        {
            throw new StorageException(StorageError.Damaged, $"a compressed block cannot be read: {e.Message}", e);
        }

        throw new StorageException(StorageError.Damaged, "a compressed block has another length than its pack says");
    }
}
