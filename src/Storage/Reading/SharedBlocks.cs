using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Repositories;

namespace ActorBackup.Storage.Reading;

/// <summary>The blocks of one repository as all its exported points and their clients read them: a cache, and no block is fetched twice at once.</summary>
/// <remarks>
/// Memory: the cache, and the blocks in flight. What is read ahead of time takes at most <see cref="AheadMax"/> fetches at once, so that it cannot hold up what is
/// asked for; that is bounded by who asks (an NBD connection has its own bounds).
/// </remarks>
#pragma warning disable CA1001 // A semaphore without a wait handle holds nothing that has to be given back.
public sealed class SharedBlocks(Repository repository, long cacheBytes = SharedBlocks.DefaultCacheBytes)
{
    public const long DefaultCacheBytes = 64 * 1024 * 1024;

    private static readonly int AheadMax = Math.Clamp(Environment.ProcessorCount, 2, 8);

    private readonly BlockCache _cache = new(cacheBytes);
    private readonly Lock _lock = new();
    private readonly Dictionary<BlockDigest, Task<byte[]>> _coming = [];
    private readonly SemaphoreSlim _ahead = new(AheadMax);

    public long CacheBytes => cacheBytes;

    /// <summary>The block, or null when it has to be fetched.</summary>
    public byte[]? Find(BlockDigest digest) => _cache.Find(digest);

    /// <summary>Fetches the block unless it is there or coming. One that fails is fetched again when it is asked for again.</summary>
    public Task<byte[]> GetAsync(BlockDigest digest, int blockBytes)
    {
        lock (_lock)
        {
            if (_coming.TryGetValue(digest, out var coming))
            {
                return coming;
            }

            if (_cache.Find(digest) is { } known)
            {
                return Task.FromResult(known);
            }

            // Not on the caller's thread, which has other requests to serve.
            var fetch = Task.Run(() => FetchAsync(digest, blockBytes));
            _coming.Add(digest, fetch);
            return fetch;
        }
    }

    /// <summary>Has the block in the cache soon, or not, if it cannot be read: who needs it will hear that.</summary>
    public async Task ReadAheadAsync(BlockDigest digest, int blockBytes)
    {
        await _ahead.WaitAsync().ConfigureAwait(false);
        try
        {
            await GetAsync(digest, blockBytes).ConfigureAwait(false);
        }
        catch (StorageException)
        {
            // See above.
        }
        finally
        {
            _ahead.Release();
        }
    }

    private async Task<byte[]> FetchAsync(BlockDigest digest, int blockBytes)
    {
        try
        {
            var block = new byte[blockBytes];
            await repository.Blocks.ReadAsync(digest, block, CancellationToken.None).ConfigureAwait(false);
            _cache.Add(digest, block);
            return block;
        }
        finally
        {
            lock (_lock)
            {
                _coming.Remove(digest);
            }
        }
    }
}
