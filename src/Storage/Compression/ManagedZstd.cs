using ZstdSharp;

namespace ActorBackup.Storage.Compression;

/// <summary>The library in C#: there on every machine.</summary>
internal sealed class ManagedZstd(int level) : IZstd
{
    private readonly Compressor _compressor = new(level);
    private readonly Decompressor _decompressor = new();

    public int Compress(ReadOnlySpan<byte> plain, Span<byte> destination) => _compressor.Wrap(plain, destination);

    public int Decompress(ReadOnlySpan<byte> stored, Span<byte> plain)
    {
        try
        {
            return _decompressor.Unwrap(stored, plain);
        }
        catch (ZstdException e)
        {
            throw new StorageException(StorageError.Damaged, $"a compressed block cannot be read: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        _compressor.Dispose();
        _decompressor.Dispose();
    }
}
