using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Writing;

/// <summary>Hears when blocks of a session can be counted on.</summary>
public interface IBlockObserver
{
    /// <summary>A durable pack holds the block (rule 22). Once per stored block, from any thread; must not block or throw.</summary>
    void Durable(long block, BlockDigest digest);

    /// <summary>A pack with something of the session could not be stored. True = try again; it may take its time to say so.</summary>
    /// <param name="failure">Why.</param>
    /// <param name="failureCount">In a row, this one included.</param>
    /// <param name="ended">The session is over.</param>
    ValueTask<bool> FailedAsync(StorageException failure, int failureCount, CancellationToken ended) => ValueTask.FromResult(false);
}
