namespace ActorBackup.Storage.Compression;

/// <summary>One implementation of zstd, with contexts for one thread. Each reads what the other wrote.</summary>
internal interface IZstd : IDisposable
{
    /// <summary>One frame. The destination is as large as <see cref="BlockCompressor.BoundOf"/> says. Returns the frame's length.</summary>
    int Compress(ReadOnlySpan<byte> plain, Span<byte> destination);

    /// <summary>Returns the plain length, at most that of the destination.</summary>
    /// <exception cref="StorageException">Damaged: not one frame, or one that is longer.</exception>
    int Decompress(ReadOnlySpan<byte> stored, Span<byte> plain);
}
