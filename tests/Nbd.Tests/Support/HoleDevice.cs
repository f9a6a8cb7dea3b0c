using ActorBackup.Core.Blocks;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>A device of any size that takes no memory: it reads as zeroes and forgets what is written.</summary>
internal sealed class HoleDevice(long sizeBytes) : IBlockDevice
{
    /// <summary>Ranges that were trimmed or zeroed.</summary>
    public List<(long Offset, long Length)> Zeroed { get; } = [];

    public long SizeBytes => sizeBytes;

    public bool IsReadOnly => false;

    public int PreferredBlockBytes => 4096;

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        buffer.Span.Clear();
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask FlushAsync(CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation) => Zero(offset, length);

    public ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation) => Zero(offset, length);

    /// <summary>As many runs as there is room for, all of one byte but the last.</summary>
    public ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        var count = (int)Math.Min(runs.Length, length);
        for (var i = 0; i < count; i++)
        {
            runs.Span[i] = new AllocationRun(1, IsHole: i % 2 == 0, ReadsAsZero: true);
        }

        return ValueTask.FromResult(count);
    }

    private ValueTask Zero(long offset, long length)
    {
        Zeroed.Add((offset, length));
        return ValueTask.CompletedTask;
    }
}
