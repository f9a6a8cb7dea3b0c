using ActorBackup.Core.Blocks;

namespace ActorBackup.Nbd.Server;

/// <summary><c>base:allocation</c>: where the device has holes and where it reads as zeroes.</summary>
public sealed class AllocationContext(IBlockDevice device) : IMetaContext
{
    public const string ContextName = "base:allocation";
    public const uint Hole = 1;
    public const uint Zero = 2;

    public string Name => ContextName;

    public async ValueTask<int> QueryAsync(long offset, long length, Memory<StatusRun> runs, CancellationToken cancellation)
    {
        var allocation = new AllocationRun[runs.Length];
        var count = await device.QueryAllocationAsync(offset, length, allocation, cancellation).ConfigureAwait(false);
        for (var i = 0; i < count; i++)
        {
            var run = allocation[i];
            runs.Span[i] = new StatusRun(run.Length, (run.IsHole ? Hole : 0) | (run.ReadsAsZero ? Zero : 0));
        }

        return count;
    }
}
