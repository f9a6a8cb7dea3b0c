using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Tests.Trees;

/// <summary>Nodes in a dictionary, with a count of what was read and written.</summary>
internal sealed class MemoryNodes : INodeWriter
{
    public Dictionary<BlockDigest, byte[]> Nodes { get; } = [];

    public int Reads { get; set; }

    public int Writes { get; set; }

    public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(BlockDigest digest, CancellationToken cancellation)
    {
        Reads++;
        return Nodes.TryGetValue(digest, out var node)
            ? new ValueTask<ReadOnlyMemory<byte>>(node)
            : throw new StorageException(StorageError.MissingBlock, $"node {digest} is missing");
    }

    public ValueTask WriteNodeAsync(BlockDigest digest, ReadOnlyMemory<byte> node, CancellationToken cancellation)
    {
        Writes++;
        Assert.Equal(BlockDigests.Of(node.Span), digest);
        Nodes[digest] = node.ToArray();
        return ValueTask.CompletedTask;
    }
}
