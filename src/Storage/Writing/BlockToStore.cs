using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Writing;

/// <param name="Block">Index on the disk; given back to the observer.</param>
/// <param name="Digest">Of the plain bytes.</param>
/// <param name="Plain">A whole block, zero-padded at the disk's tail.</param>
public readonly record struct BlockToStore(long Block, BlockDigest Digest, ReadOnlyMemory<byte> Plain);

/// <param name="SentBytes">Newly written, after compression.</param>
/// <param name="ReusedBytes">Plain bytes that the repository had or was being given already.</param>
public readonly record struct StoreResult(long SentBytes, long ReusedBytes);
