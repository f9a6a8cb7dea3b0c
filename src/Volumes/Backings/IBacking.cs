using ActorBackup.Files;

namespace ActorBackup.Volumes.Backings;

/// <summary>Where a disk's bytes live. Calls block; all but Dispose are safe from many threads. Failures are <see cref="FileLayerException"/>.</summary>
public interface IBacking : IDisposable
{
    /// <summary>For messages.</summary>
    string Path { get; }

    long SizeBytes { get; }

    /// <summary>Operations take a network's time: who must not wait uses the asynchronous ones.</summary>
    bool IsRemote => false;

    /// <summary>Null where the backing keeps no such time (block devices).</summary>
    DateTimeOffset? ModifiedAt { get; }

    /// <summary>Fills the buffer or fails.</summary>
    void Read(long offset, Span<byte> buffer);

    /// <summary>Fills the buffer without waiting for a device; false = it might have to wait.</summary>
    bool TryReadCached(long offset, Span<byte> buffer) => false;

    void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>Everything written before is on stable storage. A failure says that it may be lost for ever.</summary>
    void Sync();

    /// <summary>The range reads as zeroes; its space is freed where possible.</summary>
    void Punch(long offset, long length);

    /// <summary>The range reads as zeroes and stays or becomes allocated where possible.</summary>
    void Zero(long offset, long length);

    /// <summary>Why the backing cannot get this size, as a clause; null = it can.</summary>
    string? WhyNotResizable(long sizeBytes) => "its backing has a size of its own";

    /// <summary>Gives it this size, durably; what is new reads as zeroes. Not while anything else is asked of it.</summary>
    void Resize(long sizeBytes) => throw new FileLayerException(FileError.NotSupported, $"resize {Path}: {WhyNotResizable(sizeBytes)}");

    /// <summary>The first run at or after offset that may hold data; (limit, limit) when only holes lie before the limit. Costs a look at what lies between.</summary>
    (long Start, long End) NextData(long offset, long limit);

    ValueTask ReadAsync(long offset, Memory<byte> buffer)
    {
        Read(offset, buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>The data is not used after the task has ended.</summary>
    ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data)
    {
        Write(offset, data.Span);
        return ValueTask.CompletedTask;
    }

    ValueTask PunchAsync(long offset, long length)
    {
        Punch(offset, length);
        return ValueTask.CompletedTask;
    }

    ValueTask ZeroAsync(long offset, long length)
    {
        Zero(offset, length);
        return ValueTask.CompletedTask;
    }
}
