using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Storage;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Simulation.Tests.Stores;

/// <summary>What the durable objects of a repository amount to, read by the shipped code without faults.</summary>
internal sealed class StoreTruth
{
    private readonly SimObjects _objects;
    private readonly QuietStore _store;
    private DigestIndex _engine = new();
    private LocalDigestIndex _index;

    public StoreTruth(SimObjects objects)
    {
        (_objects, _store, _index) = (objects, new QuietStore(objects), new LocalDigestIndex(_engine));
        objects.BecameDurable = (key, _) => Record(key);
    }

    /// <summary>A pack lies damaged: another may hold its blocks, too.</summary>
    public void Rebuild()
    {
        _engine = new DigestIndex();
        _index = new LocalDigestIndex(_engine);
        foreach (var key in _objects.All.Keys.Where(_objects.IsDurable).Order(StringComparer.Ordinal).ToList())
        {
            try
            {
                Record(key);
            }
            catch (StorageException e) when (e.Error == StorageError.Damaged)
            {
                // Nobody finds its blocks.
            }
        }
    }

    /// <summary>Whether a durable pack holds the block.</summary>
    public bool Holds(BlockDigest digest) => PackOf(digest) is not null;

    public string? PackOf(BlockDigest digest) => Done(_index.LocateAsync(new[] { digest }, CancellationToken.None).AsTask())[0].Pack;

    /// <summary>The point, durable or not; null = there is none.</summary>
    /// <exception cref="StorageException">It is damaged.</exception>
    public RecoveryPoint? Find(PointId id) =>
        _objects.All.TryGetValue($"points/{id.Value}", out var bytes) ? PointCodec.Decode(id, bytes) : null;

    /// <summary>Every block of the tree that is not zero, as durable packs have it.</summary>
    /// <exception cref="StorageException">A node or a block is not there, or not what it was.</exception>
    public Dictionary<long, byte[]> Restore(BlockGeometry geometry, BlockDigest root)
    {
        var repository = Done(Repository.OpenAsync(_store, _index, TimeProvider.System, CancellationToken.None));
        return Done(ReadAsync(repository, geometry, root));
    }

    /// <summary>All digests below a root, its own included.</summary>
    public HashSet<BlockDigest> Reach(BlockGeometry geometry, BlockDigest root)
    {
        var repository = Done(Repository.OpenAsync(_store, _index, TimeProvider.System, CancellationToken.None));
        var nodes = new Recorder(repository.Nodes);
        return Done(WalkAsync(nodes, geometry, root));
    }

    /// <summary>Nothing here may wait: the runtime would let others run what waits on this thread.</summary>
    private static T Done<T>(Task<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : throw new InvalidOperationException("The quiet store must answer at once.");

    private void Record(string key)
    {
        if (key.StartsWith("packs/", StringComparison.Ordinal))
        {
            _engine.Record(key, Done(new PackReader(_store).ReadFooterAsync(key, CancellationToken.None)).Blocks);
        }
    }

    private static async Task<Dictionary<long, byte[]>> ReadAsync(Repository repository, BlockGeometry geometry, BlockDigest root)
    {
        var blocks = new Dictionary<long, byte[]>();
        await foreach (var entry in new ImageTree(new TreeShape(geometry), root, repository.Nodes).ReadAsync(0, geometry.BlockCount, CancellationToken.None))
        {
            blocks[entry.Block] = await repository.Blocks.ReadAsync(entry.Digest, CancellationToken.None);
        }

        return blocks;
    }

    private static async Task<HashSet<BlockDigest>> WalkAsync(Recorder nodes, BlockGeometry geometry, BlockDigest root)
    {
        await foreach (var entry in new ImageTree(new TreeShape(geometry), root, nodes).ReadAsync(0, geometry.BlockCount, CancellationToken.None))
        {
            nodes.Seen.Add(entry.Digest);
        }

        return nodes.Seen;
    }

    private sealed class Recorder(INodeReader nodes) : INodeReader
    {
        public HashSet<BlockDigest> Seen { get; } = [];

        public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(BlockDigest digest, CancellationToken cancellation)
        {
            Seen.Add(digest);
            return nodes.ReadNodeAsync(digest, cancellation);
        }
    }
}
