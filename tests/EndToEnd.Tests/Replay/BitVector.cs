using System.Security.Cryptography;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>The checksum by which QEMU tells bits: bit i is bit i mod 8 of byte i div 8, padded with zeroes to words of eight bytes.</summary>
internal static class BitVector
{
    /// <param name="sizeBytes">Of the disk; the last bit may be for less than a unit.</param>
    /// <param name="granularity">Bytes per bit.</param>
    /// <param name="dirty">Ranges of bytes.</param>
    public static string Sha256(long sizeBytes, long granularity, IEnumerable<(long Offset, long Length)> dirty)
    {
        var bits = (sizeBytes + granularity - 1) / granularity;
        var bytes = new byte[Math.Max(1, (bits + 63) / 64) * 8];
        foreach (var (offset, length) in dirty)
        {
            for (var bit = offset / granularity; bit * granularity < offset + length; bit++)
            {
                bytes[bit / 8] |= (byte)(1 << (int)(bit % 8));
            }
        }

        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    }
}
