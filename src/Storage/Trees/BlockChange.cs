using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Trees;

/// <summary>Blocks [FirstBlock, FirstBlock + Count) have this content now; no digest = zero.</summary>
public readonly record struct BlockChange(long FirstBlock, long Count, BlockDigest Digest);
