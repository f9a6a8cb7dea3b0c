using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Blocks;
using ActorBackup.Storage;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Actors.Backups;

/// <summary>Hears from the session which blocks are durable, and keeps the ledger and the progress by it.</summary>
internal sealed class DurableBlocks(BlockGeometry geometry, CopyLedger ledger, JobProgress progress, JobErrors errors) : IBlockObserver
{
    public void Durable(long block, BlockDigest digest)
    {
        ledger.Durable(block, digest);
        progress.AddDone(geometry.LengthOf(block));
    }

    public async ValueTask<bool> FailedAsync(StorageException failure, int failureCount, CancellationToken ended) =>
        await errors.OnTargetAsync(Failures.Explain(failure), failureCount, ended).ConfigureAwait(false) == ErrorVerdict.Retry;
}
