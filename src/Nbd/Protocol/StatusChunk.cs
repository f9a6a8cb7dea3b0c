using System.Buffers.Binary;

namespace ActorBackup.Nbd.Protocol;

/// <summary>A BLOCK_STATUS chunk: header, context id 4, then descriptors of length 4 and flags 4.</summary>
public static class StatusChunk
{
    public const int ContextIdBytes = 4;
    public const int PrefixBytes = ChunkHeader.SizeBytes + ContextIdBytes;
    public const int DescriptorBytes = 8;

    public static void WritePrefix(Span<byte> destination, ChunkFlags flags, ulong cookie, uint contextId, int descriptorCount)
    {
        var length = ContextIdBytes + (descriptorCount * DescriptorBytes);
        new ChunkHeader(flags, ChunkType.BlockStatus, cookie, (uint)length).Write(destination);
        BinaryPrimitives.WriteUInt32BigEndian(destination[ChunkHeader.SizeBytes..], contextId);
    }

    public static void WriteDescriptor(Span<byte> destination, uint lengthBytes, uint statusFlags)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, lengthBytes);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], statusFlags);
    }

    public static (uint LengthBytes, uint StatusFlags) ReadDescriptor(ReadOnlySpan<byte> source) =>
        (BinaryPrimitives.ReadUInt32BigEndian(source), BinaryPrimitives.ReadUInt32BigEndian(source[4..]));
}
