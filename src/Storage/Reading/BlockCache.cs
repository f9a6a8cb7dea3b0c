using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Reading;

/// <summary>Plain blocks by digest, those used longest ago leave first. Bounded by bytes. Safe from many threads.</summary>
internal sealed class BlockCache(long capacityBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BlockDigest, LinkedListNode<(BlockDigest Digest, byte[] Block)>> _blocks = [];
    private readonly LinkedList<(BlockDigest Digest, byte[] Block)> _order = new();
    private long _bytes;

    public byte[]? Find(BlockDigest digest)
    {
        lock (_lock)
        {
            if (!_blocks.TryGetValue(digest, out var known))
            {
                return null;
            }

            _order.Remove(known);
            _order.AddLast(known);
            return known.Value.Block;
        }
    }

    public void Add(BlockDigest digest, byte[] block)
    {
        lock (_lock)
        {
            if (_blocks.ContainsKey(digest))
            {
                return;
            }

            _blocks.Add(digest, _order.AddLast((digest, block)));
            _bytes += block.Length;
            while (_bytes > capacityBytes && _order.First is { } oldest)
            {
                _order.RemoveFirst();
                _blocks.Remove(oldest.Value.Digest);
                _bytes -= oldest.Value.Block.Length;
            }
        }
    }
}
