using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Trees;

/// <summary>Nodes of image trees by digest. A node is immutable; its digest is the SHA-256 of its bytes.</summary>
public interface INodeReader
{
    /// <summary>The node's bytes, verified against the digest.</summary>
    /// <exception cref="StorageException">Missing block or damaged.</exception>
    ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(BlockDigest digest, CancellationToken cancellation);
}

/// <summary>Takes new nodes. They are durable only after the owner's flush.</summary>
public interface INodeWriter : INodeReader
{
    /// <summary>Stores the node unless the repository has it. Nodes written here can be read back at once. The bytes are not kept by reference.</summary>
    ValueTask WriteNodeAsync(BlockDigest digest, ReadOnlyMemory<byte> node, CancellationToken cancellation);
}
