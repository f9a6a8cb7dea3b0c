using System.IO.Hashing;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Sizes and places in a tracking file; docs/TRACKING.md has the picture. These numbers are permanent.</summary>
internal static class TrackingFormat
{
    public const uint Version = 1;
    public const int PageBytes = 4096;
    public const int SectorBytes = 512;
    public const int BitsPerPage = PageBytes * 8;
    public const int WordsPerPage = PageBytes / sizeof(ulong);

    public const int SlotCount = 2;

    public const uint HeartbeatPage = 2;
    public const uint IntentPage = 3;
    public const uint FirstStorePage = 4;

    // Numbers of pages that hold no bits of any set, so they can stand for constant pages.
    public const uint ZeroPage = 0;
    public const uint OnesPage = 1;

    /// <summary>What one intent page can hold.</summary>
    public const int MaxRegions = BitsPerPage;

    public const long MinRegionBytes = 1 << 20;

    public static long OffsetOf(uint page) => (long)page * PageBytes;

    public static ulong Checksum(ReadOnlySpan<byte> bytes) => XxHash3.HashToUInt64(bytes);

    /// <summary>The smallest power of two that divides the disk into at most MaxRegions regions.</summary>
    public static long RegionBytesFor(long sizeBytes)
    {
        var bytes = MinRegionBytes;
        while ((sizeBytes + bytes - 1) / bytes > MaxRegions)
        {
            bytes <<= 1;
        }

        return bytes;
    }
}
