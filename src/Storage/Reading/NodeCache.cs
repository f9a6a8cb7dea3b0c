using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Reading;

/// <summary>Tree nodes from the repository, the latest kept in memory: at most 4096 nodes of about 1 KiB.</summary>
public sealed class NodeCache(BlockReader blocks) : INodeReader
{
    private const int Capacity = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<BlockDigest, byte[]> _nodes = [];
    private readonly Queue<BlockDigest> _order = new();

    public async ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(BlockDigest digest, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_nodes.TryGetValue(digest, out var known))
            {
                return known;
            }
        }

        var node = await blocks.ReadAsync(digest, cancellation).ConfigureAwait(false);
        lock (_lock)
        {
            if (_nodes.TryAdd(digest, node))
            {
                _order.Enqueue(digest);
                if (_order.Count > Capacity)
                {
                    _nodes.Remove(_order.Dequeue());
                }
            }
        }

        return node;
    }

    /// <summary>Forgets everything, so that the next reads prove what is stored.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _nodes.Clear();
            _order.Clear();
        }
    }
}
