using System.Numerics;

namespace ActorBackup.Core.Blocks;

/// <summary>Sizes of tracking units, in bytes. A disk's block and a bitmap's granularity have different limits.</summary>
public static class Granularity
{
    public const int DefaultBytes = 64 * 1024;
    public const int DiskMinBytes = 4 * 1024;
    public const int DiskMaxBytes = 4 * 1024 * 1024;
    public const long BitmapMinBytes = 512;
    public const long BitmapMaxBytes = 1L << 31;

    /// <summary>A disk's size is a whole number of these.</summary>
    public const int SectorBytes = 512;

    public static bool IsValidForDisk(long bytes) => bytes is >= DiskMinBytes and <= DiskMaxBytes && BitOperations.IsPow2(bytes);

    public static bool IsValidForBitmap(long bytes) => bytes is >= BitmapMinBytes and <= BitmapMaxBytes && BitOperations.IsPow2(bytes);
}
