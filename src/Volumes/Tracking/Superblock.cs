using System.Buffers.Binary;

namespace ActorBackup.Volumes.Tracking;

/// <summary>The root of a tracking file. Two slots are written in turn; the one with the higher sequence number counts.</summary>
/// <remarks>
/// A slot is one 512-byte sector on purpose: a power failure leaves the old or the new sector, so a slot whose checksum fails was damaged later.
/// The damaged slot may have been the newer one, whose checkpoint already cleared intents, so the older one is not enough to trust any bitmap.
/// </remarks>
internal sealed record Superblock
{
    public const int SizeBytes = TrackingFormat.SectorBytes;

    private const ulong Magic = 0x4b43_4152_544b_4241; // "ABKTRACK"
    private const int ChecksumAt = SizeBytes - sizeof(ulong);

    public required TrackingFileId FileId { get; init; }

    /// <summary>Counts openings.</summary>
    public required ulong Generation { get; init; }

    /// <summary>Counts checkpoints.</summary>
    public required ulong Sequence { get; init; }

    /// <summary>Everything is in the catalogue; intents mean nothing.</summary>
    public required bool IsClean { get; init; }

    public required long RegionBytes { get; init; }

    public required int RegionCount { get; init; }

    public required uint CataloguePage { get; init; }

    public required int CatalogueBytes { get; init; }

    public required ulong CatalogueChecksum { get; init; }

    /// <summary>The backing's modification time at a clean stop, in ticks (100 ns since year 1, UTC); 0 = not known.</summary>
    public required long BackingModifiedTicks { get; init; }

    /// <summary>Of the last command, random; the journal database knows it too.</summary>
    public ulong Stamp { get; init; }

    public int Slot => (int)(Sequence % TrackingFormat.SlotCount);

    public void Encode(Span<byte> slot)
    {
        slot.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(slot, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[8..], TrackingFormat.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[12..], IsClean ? 1u : 0u);
        BinaryPrimitives.WriteUInt128BigEndian(slot[16..], FileId.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[32..], Generation);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[40..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(slot[48..], RegionBytes);
        BinaryPrimitives.WriteInt32LittleEndian(slot[56..], RegionCount);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[60..], CataloguePage);
        BinaryPrimitives.WriteInt32LittleEndian(slot[64..], CatalogueBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[72..], CatalogueChecksum);
        BinaryPrimitives.WriteInt64LittleEndian(slot[80..], BackingModifiedTicks);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[88..], Stamp);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[ChecksumAt..], TrackingFormat.Checksum(slot[..ChecksumAt]));
    }

    /// <summary>Null when the slot does not hold a superblock with the right checksum.</summary>
    /// <exception cref="VolumeException">A version that this program does not know.</exception>
    public static Superblock? TryDecode(ReadOnlySpan<byte> slot)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(slot) != Magic
            || BinaryPrimitives.ReadUInt64LittleEndian(slot[ChecksumAt..]) != TrackingFormat.Checksum(slot[..ChecksumAt]))
        {
            return null;
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(slot[8..]);
        return version == TrackingFormat.Version
            ? Decode(slot)
            : throw new VolumeException(
                VolumeError.UnknownVersion,
                $"The tracking file has version {version}, and this program reads version {TrackingFormat.Version}. Use the program that wrote it, or a newer one.");
    }

    private static Superblock Decode(ReadOnlySpan<byte> slot) =>
        new()
        {
            IsClean = (BinaryPrimitives.ReadUInt32LittleEndian(slot[12..]) & 1) != 0,
            FileId = new TrackingFileId(BinaryPrimitives.ReadUInt128BigEndian(slot[16..])),
            Generation = BinaryPrimitives.ReadUInt64LittleEndian(slot[32..]),
            Sequence = BinaryPrimitives.ReadUInt64LittleEndian(slot[40..]),
            RegionBytes = BinaryPrimitives.ReadInt64LittleEndian(slot[48..]),
            RegionCount = BinaryPrimitives.ReadInt32LittleEndian(slot[56..]),
            CataloguePage = BinaryPrimitives.ReadUInt32LittleEndian(slot[60..]),
            CatalogueBytes = BinaryPrimitives.ReadInt32LittleEndian(slot[64..]),
            CatalogueChecksum = BinaryPrimitives.ReadUInt64LittleEndian(slot[72..]),
            BackingModifiedTicks = BinaryPrimitives.ReadInt64LittleEndian(slot[80..]),
            Stamp = BinaryPrimitives.ReadUInt64LittleEndian(slot[88..]),
        };
}
