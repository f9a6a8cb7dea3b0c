using System.Numerics;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Index;

/// <summary>Which part of the digest space a digest is in: its top bits.</summary>
public static class DigestPartition
{
    /// <param name="digest">Any.</param>
    /// <param name="partitionCount">A power of two, at most 65536.</param>
    public static int Of(BlockDigest digest, int partitionCount) => digest.Prefix >> (16 - BitOperations.Log2((uint)partitionCount));
}
