using ActorBackup.Core.Blocks;

namespace ActorBackup.Core.Packs;

/// <summary>A block's place in a pack. Lengths and offsets in bytes.</summary>
/// <param name="Digest">Of the plain bytes.</param>
/// <param name="Compression">A <see cref="BlockCompression"/>.</param>
/// <param name="Offset">Of the stored bytes in the pack.</param>
/// <param name="StoredLength">As stored.</param>
/// <param name="PlainLength">As read back.</param>
public readonly record struct PackedBlock(BlockDigest Digest, BlockCompression Compression, uint Offset, uint StoredLength, uint PlainLength);
