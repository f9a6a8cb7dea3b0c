using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Trees;

/// <summary>A block that is not all zero.</summary>
public readonly record struct BlockEntry(long Block, BlockDigest Digest);
