namespace ActorBackup.Files;

/// <summary>An open file. Calls block; all but Dispose are safe from many threads. Failures are <see cref="FileLayerException"/>.</summary>
public interface IFile : IDisposable
{
    string Path { get; }

    /// <summary>In bytes; of a block device its capacity.</summary>
    long Length { get; }

    DateTimeOffset ModifiedAt { get; }

    /// <summary>Reads until the buffer is full or the file ends. Returns the bytes read.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Fills the buffer if that takes no device. False = it might have to wait for one, or the file ends before: call <see cref="Read"/> where waiting is no harm.</summary>
    bool TryReadCached(long offset, Span<byte> buffer) => Read(offset, buffer) == buffer.Length;

    /// <summary>As <see cref="Read"/>, of what nobody is expected to read again soon: it takes no room from what others have cached, where that can be done.</summary>
    /// <remarks>It can where the buffer's address and the offset leave the same rest by <see cref="AlignedBuffer.AlignmentBytes"/>.</remarks>
    int ReadUncached(long offset, Span<byte> buffer) => Read(offset, buffer);

    /// <summary>Writes all of it or fails.</summary>
    void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>As <see cref="Write"/>, and as little durable before a sync, but without a copy in the page cache, where that can be done.</summary>
    /// <remarks>It can where address and offset are multiples of <see cref="AlignedBuffer.AlignmentBytes"/>; what the end has beyond such a multiple is copied.</remarks>
    void WriteUncached(long offset, ReadOnlySpan<byte> data) => Write(offset, data);

    /// <summary>Data and length on stable storage (fdatasync). A failure says that earlier writes may be lost for ever.</summary>
    void Sync();

    void SetLength(long length);

    /// <summary>Reserves space, so that later writes into the range cannot run out of it; grows the file; reads as zeroes.</summary>
    void Allocate(long offset, long length);

    /// <summary>Makes the range read as zeroes and frees its space where the file system can. The length stays.</summary>
    void PunchHole(long offset, long length);

    /// <summary>Makes the range read as zeroes and keeps or makes it allocated where the file system can.</summary>
    void ZeroRange(long offset, long length);

    /// <summary>The next run at or after offset: where it starts to be data and where that data ends. (Length, Length) when only holes follow.</summary>
    (long Start, long End) NextData(long offset);

    /// <summary>Locks one byte against exclusive locks of other openings, those of this process too, until the file is closed.</summary>
    /// <remarks>A file layer that nobody else sees has nobody to lock out.</remarks>
    void LockShared(long offset)
    {
    }

    /// <summary>Some other opening, in this process or another, has a lock of any kind on the byte.</summary>
    bool IsLockedElsewhere(long offset) => false;
}
