using System.Security.Cryptography;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Which tracking file this is: 16 random bytes, given at creation and never again.</summary>
public readonly record struct TrackingFileId(UInt128 Value)
{
    public const int SizeBytes = 16;

    public static TrackingFileId New()
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        RandomNumberGenerator.Fill(bytes);
        return new TrackingFileId(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    public static TrackingFileId Parse(string hex) => new(UInt128.Parse(hex, System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture));

    public override string ToString() => Value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>What the journal database last recorded about the disk's tracking file (rule 4).</summary>
/// <param name="FileId">Which file it is.</param>
/// <param name="Generation">The newest opening.</param>
/// <param name="Stamp">Of the last command that is known to be in the file.</param>
/// <param name="NextStamp">Of the command after it, which may be in the file; the same when there is none.</param>
public readonly record struct TrackingExpectation(TrackingFileId FileId, ulong Generation, ulong Stamp = 0, ulong NextStamp = 0);
