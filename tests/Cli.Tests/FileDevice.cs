using ActorBackup.Core.Blocks;
using Microsoft.Win32.SafeHandles;

namespace ActorBackup.Cli.Tests;

/// <summary>A file as a block device, with a word to the test at every write.</summary>
public sealed class FileDevice : IBlockDevice, IDisposable
{
    private readonly SafeFileHandle _file;
    private int _writes;

    public FileDevice(string path, long sizeBytes)
    {
        _file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.SetLength(_file, sizeBytes);
        SizeBytes = sizeBytes;
    }

    public long SizeBytes { get; }

    public bool IsReadOnly => false;

    public int PreferredBlockBytes => 4096;

    /// <summary>Told how many writes there were.</summary>
    public Action<int> Written { get; set; } = static _ => { };

    public void Dispose() => _file.Dispose();

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        buffer.Span[RandomAccess.Read(_file, buffer.Span, offset)..].Clear();
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation)
    {
        RandomAccess.Write(_file, data.Span, offset);
        Written(Interlocked.Increment(ref _writes));
        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation) =>
        throw new BlockDeviceException(BlockDeviceError.NotSupported, "no trim here");

    public ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation) =>
        throw new BlockDeviceException(BlockDeviceError.NotSupported, "no zeroes here");

    public ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        runs.Span[0] = new AllocationRun(length, IsHole: false, ReadsAsZero: false);
        return ValueTask.FromResult(1);
    }
}
