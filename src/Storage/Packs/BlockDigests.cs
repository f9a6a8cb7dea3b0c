using System.Security.Cryptography;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Packs;

/// <summary>SHA-256 over a plain block or node.</summary>
public static class BlockDigests
{
    public static BlockDigest Of(ReadOnlySpan<byte> plain)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(plain, digest);
        return new BlockDigest(digest);
    }
}
