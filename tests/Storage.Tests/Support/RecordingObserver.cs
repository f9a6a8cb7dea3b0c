using System.Collections.Concurrent;
using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Storage.Tests.Support;

/// <summary>Keeps what it hears, and looks at that moment whether an undamaged pack of the store holds the block.</summary>
internal sealed class RecordingObserver(MemoryObjectStore store) : IBlockObserver
{
    private readonly ConcurrentQueue<(long Block, BlockDigest Digest)> _heard = new();
    private readonly ConcurrentQueue<long> _lies = new();

    public long[] Blocks => [.. _heard.Select(h => h.Block).Order()];

    /// <summary>Blocks that were called durable while no pack had them.</summary>
    public long[] Lies => [.. _lies];

    /// <summary>What the observer says of a pack that failed; null = no.</summary>
    public Func<StorageException, int, CancellationToken, Task<bool>>? WhenFailed { get; set; }

    public async ValueTask<bool> FailedAsync(StorageException failure, int failureCount, CancellationToken ended) =>
        WhenFailed is { } ask && await ask(failure, failureCount, ended);

    public void Durable(long block, BlockDigest digest)
    {
        _heard.Enqueue((block, digest));
        if (!IsStored(store, digest))
        {
            _lies.Enqueue(block);
        }
    }

    public static bool IsStored(MemoryObjectStore store, BlockDigest digest) => store.Packs.Any(p => HoldsWhole(store, p, digest));

    private static bool HoldsWhole(MemoryObjectStore store, string pack, BlockDigest digest)
    {
        try
        {
            // This store completes at once.
            var reader = new PackReader(store);
            foreach (var block in reader.ReadFooterAsync(pack, CancellationToken.None).GetAwaiter().GetResult().Blocks.Where(b => b.Digest == digest))
            {
                reader.ReadBlockAsync(pack, block, new byte[block.PlainLength], CancellationToken.None).AsTask().GetAwaiter().GetResult();
                return true;
            }
        }
        catch (StorageException)
        {
            // A damaged pack holds nothing that can be counted on.
        }

        return false;
    }
}
