using ZstdSharp;
using ZstdSharp.Unsafe;

namespace ActorBackup.Storage.Compression;

/// <summary>The library in C#: there on every machine.</summary>
internal sealed class ManagedZstd : IZstd
{
    private readonly Compressor _compressor = new(BlockCompressor.Level);
    private readonly Decompressor _decompressor = new();

    public ManagedZstd() => _compressor.SetParameter(ZSTD_cParameter.ZSTD_c_minMatch, BlockCompressor.MinMatch);

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
