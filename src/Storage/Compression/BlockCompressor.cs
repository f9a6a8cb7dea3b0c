using ZstdSharp;

namespace ActorBackup.Storage.Compression;

/// <summary>zstd, block by block: the machine's library where there is one, else the managed one. Contexts are kept per thread.</summary>
public static class BlockCompressor
{
    /// <summary>Set to <c>managed</c> to do without the machine's library.</summary>
    public const string Variable = "ACTORBACKUP_ZSTD";

    /// <summary>Higher ones take half as long again and more, for blocks that are a few hundredths smaller.</summary>
    internal const int Level = 1;

    /// <summary>
    /// Bytes of the shortest repetition that is looked for. The level's own choice for blocks of 64 KiB is 6; with 5 texts and programs become a fiftieth
    /// smaller in the same time.
    /// </summary>
    internal const int MinMatch = 5;

    /// <summary>What part of a block compression must save. Less would not pay for decompressing it; of a block that is random but for 4 of its 64 KiB it is enough.</summary>
    private const int WorthwhileShare = 32;

    private static readonly bool IsNative = NativeZstd.IsAvailable && Environment.GetEnvironmentVariable(Variable) != "managed";

    [ThreadStatic]
    private static IZstd? _zstd;

    private static IZstd Zstd => _zstd ??= Create(IsNative);

    /// <summary>How large a destination compressing needs.</summary>
    public static int BoundOf(int plainBytes) => Compressor.GetCompressBound(plainBytes);

    /// <summary>The stored length; 0 if compression does not save a thirty-second, so that the block is stored as it is.</summary>
    public static int Compress(ReadOnlySpan<byte> plain, Span<byte> destination)
    {
        var length = Zstd.Compress(plain, destination);
        return length <= plain.Length - (plain.Length / WorthwhileShare) ? length : 0;
    }

    /// <exception cref="StorageException">Damaged: the bytes are not a frame of just this length.</exception>
    public static void Decompress(ReadOnlySpan<byte> stored, Span<byte> plain)
    {
        if (Zstd.Decompress(stored, plain) != plain.Length)
        {
            throw new StorageException(StorageError.Damaged, "a compressed block has another length than its pack says");
        }
    }

    internal static IZstd Create(bool isNative) => isNative ? new NativeZstd() : new ManagedZstd();
}
