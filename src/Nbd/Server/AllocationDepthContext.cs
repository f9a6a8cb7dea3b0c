using ActorBackup.Core.Blocks;

namespace ActorBackup.Nbd.Server;

/// <summary><c>qemu:allocation-depth</c>: 0 = a hole, 1 = in the top layer, which is the only one here. Equal when the device is the same.</summary>
public sealed record AllocationDepthContext(IBlockDevice Device) : IMetaContext
{
    public const string ContextName = "qemu:allocation-depth";
    public const uint Unallocated = 0;
    public const uint TopLayer = 1;

    public string Name => ContextName;

    public async ValueTask<int> QueryAsync(long offset, long length, Memory<StatusRun> runs, CancellationToken cancellation)
    {
        var allocation = new AllocationRun[runs.Length];
        var count = await Device.QueryAllocationAsync(offset, length, allocation, cancellation).ConfigureAwait(false);
        for (var i = 0; i < count; i++)
        {
            runs.Span[i] = new StatusRun(allocation[i].Length, allocation[i].IsHole ? Unallocated : TopLayer);
        }

        return count;
    }
}
