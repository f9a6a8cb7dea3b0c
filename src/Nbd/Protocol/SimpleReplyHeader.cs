using System.Buffers.Binary;

namespace ActorBackup.Nbd.Protocol;

/// <summary>A whole reply, or the start of a READ's reply when structured replies were not negotiated.</summary>
/// <remarks>Magic 4, error 4, cookie 8: 16 bytes. After an error no data follows.</remarks>
public readonly record struct SimpleReplyHeader(NbdErrno Error, ulong Cookie)
{
    public const int SizeBytes = 16;

    /// <returns>False when the magic is wrong.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out SimpleReplyHeader header)
    {
        header = new SimpleReplyHeader(
            (NbdErrno)BinaryPrimitives.ReadUInt32BigEndian(source[4..]),
            BinaryPrimitives.ReadUInt64BigEndian(source[8..]));
        return BinaryPrimitives.ReadUInt32BigEndian(source) == NbdMagic.SimpleReply;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, NbdMagic.SimpleReply);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], (uint)Error);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Cookie);
    }
}
