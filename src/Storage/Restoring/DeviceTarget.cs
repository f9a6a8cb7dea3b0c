using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Restoring;

/// <summary>A block device that notes what is written to it, so that only what differs should be.</summary>
public sealed class DeviceTarget(IBlockDevice device) : IRestoreTarget
{
    private const int RunsPerQuery = 64;
    private const long QueryBytesMax = 1L << 30;

    public bool LooksBeforeZeroing => true;

    public async ValueTask<(long Start, long End)> NextDataAsync(long offset, long limit, CancellationToken cancellation)
    {
        var runs = new AllocationRun[RunsPerQuery];
        for (var position = offset; position < limit;)
        {
            var length = Math.Min(QueryBytesMax, limit - position);
            var count = await device.QueryAllocationAsync(position, length, runs, cancellation).ConfigureAwait(false);
            foreach (var run in runs.AsMemory(0, count).ToArray())
            {
                if (!run.ReadsAsZero)
                {
                    return (position, Math.Min(device.SizeBytes, position + run.Length));
                }

                position += run.Length;
            }
        }

        return (limit, limit);
    }

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) => device.ReadAsync(offset, buffer, cancellation);

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation) =>
        device.WriteAsync(offset, data, forceUnitAccess: false, cancellation);

    public ValueTask ZeroAsync(long offset, long length, CancellationToken cancellation) =>
        device.WriteZeroesAsync(offset, length, ZeroOptions.None, cancellation);

    public ValueTask FlushAsync(CancellationToken cancellation) => device.FlushAsync(cancellation);
}
