using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Packs;

namespace ActorBackup.Storage.Tests.Support;

/// <summary>Bytes that follow from a number.</summary>
internal static class Content
{
    /// <summary>Does not compress.</summary>
    public static byte[] Noise(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Compresses well.</summary>
    public static byte[] Text(int seed, int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = (byte)((i % 61) + (seed % 128) + 1);
        }

        return bytes;
    }

    /// <summary>A digest of nothing in particular; never none.</summary>
    public static BlockDigest Digest(int seed) => BlockDigests.Of(BitConverter.GetBytes(seed));
}
