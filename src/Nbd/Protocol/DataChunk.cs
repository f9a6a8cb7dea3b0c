using System.Buffers.Binary;

namespace ActorBackup.Nbd.Protocol;

/// <summary>An OFFSET_DATA chunk that is all of a READ's reply: header, absolute offset, then the data.</summary>
public static class DataChunk
{
    public const int OffsetBytes = sizeof(ulong);

    /// <summary>What precedes the data.</summary>
    public const int PrefixBytes = ChunkHeader.SizeBytes + OffsetBytes;

    public static void WritePrefix(Span<byte> destination, ulong cookie, ulong offset, uint dataBytes)
    {
        new ChunkHeader(ChunkFlags.Done, ChunkType.OffsetData, cookie, OffsetBytes + dataBytes).Write(destination);
        BinaryPrimitives.WriteUInt64BigEndian(destination[ChunkHeader.SizeBytes..], offset);
    }
}
