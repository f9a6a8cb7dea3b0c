namespace ActorBackup.Core.Blocks;

/// <summary>What an NBD export serves: bytes of a fixed size, addressed by offset.</summary>
/// <remarks>
/// All members are safe to call from many threads at once. Ranges are validated by the caller: 0 &lt;= offset, offset + length &lt;= SizeBytes.
/// Reads and writes may run on the caller's thread and usually complete synchronously from the page cache; what must wait for a disk sync
/// or another writer completes asynchronously and never blocks the calling thread.
/// Failures are <see cref="BlockDeviceException"/>. A write that failed may have changed the medium.
/// </remarks>
public interface IBlockDevice
{
    long SizeBytes { get; }

    bool IsReadOnly { get; }

    /// <summary>Trims are taken. A read-only device may take them from a reader that needs the range no more.</summary>
    bool CanTrim => !IsReadOnly;

    /// <summary>Smallest request that avoids read-modify-write, in bytes.</summary>
    int PreferredBlockBytes { get; }

    ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation);

    /// <param name="offset">In bytes.</param>
    /// <param name="data">What to write.</param>
    /// <param name="forceUnitAccess">The bytes are on stable storage before this completes.</param>
    /// <param name="cancellation">Only gives up waiting before the write has begun.</param>
    ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation);

    /// <summary>Everything that completed before this call is on stable storage when it completes.</summary>
    ValueTask FlushAsync(CancellationToken cancellation);

    /// <summary>The range's content is no longer needed; it reads as zeroes afterwards here, or of a read-only device not at all.</summary>
    ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation);

    ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation);

    /// <summary>Allocation from <paramref name="offset"/> on: fills runs that start there and cover at most <paramref name="length"/> bytes.</summary>
    /// <returns>How many runs were filled; at least 1 for length &gt; 0. Fewer runs than asked for may cover less than the range.</returns>
    ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation);
}

[Flags]
public enum ZeroOptions
{
    None = 0,

    /// <summary>Stable before completion.</summary>
    ForceUnitAccess = 1,

    /// <summary>Keep the range allocated.</summary>
    NoHole = 2,

    /// <summary>Fail with <see cref="BlockDeviceError.NotSupported"/> rather than writing zeroes slowly.</summary>
    Fast = 4,
}

/// <summary>A run of bytes with one allocation status.</summary>
public readonly record struct AllocationRun(long Length, bool IsHole, bool ReadsAsZero);
