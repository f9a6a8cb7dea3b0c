using System.Buffers.Binary;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;

namespace ActorBackup.Storage.Packs;

/// <summary>One entry of a footer: digest, u8 compression, 3 zero bytes, u32 offset, u32 stored, u32 plain.</summary>
internal static class PackEntry
{
    public static void Write(Span<byte> entry, in PackedBlock block)
    {
        block.Digest.CopyTo(entry);
        entry[32] = (byte)block.Compression;
        entry[33..36].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(entry[36..], block.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[40..], block.StoredLength);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[44..], block.PlainLength);
    }

    public static PackedBlock Read(ReadOnlySpan<byte> entry) =>
        new(
            new BlockDigest(entry[..32]),
            (BlockCompression)entry[32],
            BinaryPrimitives.ReadUInt32LittleEndian(entry[36..]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[44..]));

    /// <summary>Whether the entry can be true of a pack whose blocks end at this offset.</summary>
    public static bool IsPossible(in PackedBlock block, long blocksEnd) =>
        !block.Digest.IsNone
        && block.Compression is BlockCompression.None or BlockCompression.Zstd
        && block.Offset >= PackFormat.HeaderBytes
        && block.Offset + (long)block.StoredLength <= blocksEnd
        && block.PlainLength is > 0 and <= PackBuilder.MaxBlockBytes
        && block.StoredLength is > 0 and <= PackBuilder.MaxBlockBytes
        && (block.Compression != BlockCompression.None || block.StoredLength == block.PlainLength);
}
