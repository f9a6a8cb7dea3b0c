using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Reading;

/// <summary>Plain blocks by digest, the oldest leave first. Bounded by bytes.</summary>
internal sealed class BlockCache(long capacityBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BlockDigest, byte[]> _blocks = [];
    private readonly Queue<BlockDigest> _order = new();
    private long _bytes;

    public byte[]? Find(BlockDigest digest)
    {
        lock (_lock)
        {
            return _blocks.GetValueOrDefault(digest);
        }
    }

    public void Add(BlockDigest digest, byte[] block)
    {
        lock (_lock)
        {
            if (!_blocks.TryAdd(digest, block))
            {
                return;
            }

            _order.Enqueue(digest);
            _bytes += block.Length;
            while (_bytes > capacityBytes && _order.TryDequeue(out var oldest) && _blocks.Remove(oldest, out var gone))
            {
                _bytes -= gone.Length;
            }
        }
    }
}
