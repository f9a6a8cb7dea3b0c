using ActorBackup.Files;

namespace ActorBackup.Volumes.Backings;

/// <summary>Where a disk's bytes live. Calls block; all but Dispose are safe from many threads. Failures are <see cref="FileLayerException"/>.</summary>
public interface IBacking : IDisposable
{
    /// <summary>For messages.</summary>
    string Path { get; }

    long SizeBytes { get; }

    /// <summary>Null where the backing keeps no such time (block devices).</summary>
    DateTimeOffset? ModifiedAt { get; }

    /// <summary>Fills the buffer or fails.</summary>
    void Read(long offset, Span<byte> buffer);

    void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>Everything written before is on stable storage. A failure says that it may be lost for ever.</summary>
    void Sync();

    /// <summary>The range reads as zeroes; its space is freed where possible.</summary>
    void Punch(long offset, long length);

    /// <summary>The range reads as zeroes and stays or becomes allocated where possible.</summary>
    void Zero(long offset, long length);

    /// <summary>The next run at or after offset that may hold data; (SizeBytes, SizeBytes) when only holes follow.</summary>
    (long Start, long End) NextData(long offset);
}
