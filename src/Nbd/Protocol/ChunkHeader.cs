using System.Buffers.Binary;

namespace ActorBackup.Nbd.Protocol;

/// <summary>Start of one chunk of a structured reply; Length bytes of payload follow.</summary>
/// <remarks>Magic 4, flags 2, type 2, cookie 8, length 4: 20 bytes.</remarks>
public readonly record struct ChunkHeader(ChunkFlags Flags, ChunkType Type, ulong Cookie, uint Length)
{
    public const int SizeBytes = 20;

    public bool IsDone => (Flags & ChunkFlags.Done) != 0;

    public bool IsError => (Type & ChunkType.ErrorBit) != 0;

    /// <returns>False when the magic is wrong.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out ChunkHeader header)
    {
        header = new ChunkHeader(
            (ChunkFlags)BinaryPrimitives.ReadUInt16BigEndian(source[4..]),
            (ChunkType)BinaryPrimitives.ReadUInt16BigEndian(source[6..]),
            BinaryPrimitives.ReadUInt64BigEndian(source[8..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[16..]));
        return BinaryPrimitives.ReadUInt32BigEndian(source) == NbdMagic.StructuredReply;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, NbdMagic.StructuredReply);
        BinaryPrimitives.WriteUInt16BigEndian(destination[4..], (ushort)Flags);
        BinaryPrimitives.WriteUInt16BigEndian(destination[6..], (ushort)Type);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Cookie);
        BinaryPrimitives.WriteUInt32BigEndian(destination[16..], Length);
    }
}
