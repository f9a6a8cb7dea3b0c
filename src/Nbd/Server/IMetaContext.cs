namespace ActorBackup.Nbd.Server;

/// <summary>One way to describe the blocks of an export, such as <c>base:allocation</c> or <c>qemu:dirty-bitmap:NAME</c>.</summary>
public interface IMetaContext
{
    /// <summary>"namespace:leaf", at most 4096 bytes as UTF-8.</summary>
    string Name { get; }

    /// <summary>Fills runs that start at <paramref name="offset"/> and cover at most <paramref name="length"/> bytes.</summary>
    /// <returns>How many runs were filled, at least 1; fewer than asked for may cover less than the range. No run is empty.</returns>
    /// <remarks>Safe to call from many threads; failures are <see cref="Core.Blocks.BlockDeviceException"/>.</remarks>
    ValueTask<int> QueryAsync(long offset, long length, Memory<StatusRun> runs, CancellationToken cancellation);
}
