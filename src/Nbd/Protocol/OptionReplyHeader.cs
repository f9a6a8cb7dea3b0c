using System.Buffers.Binary;

namespace ActorBackup.Nbd.Protocol;

/// <summary>Start of a reply to an option; Length bytes of data follow.</summary>
/// <remarks>Magic 8, option 4, type 4, length 4: 20 bytes.</remarks>
public readonly record struct OptionReplyHeader(NbdOption Option, OptionReplyType Type, uint Length)
{
    public const int SizeBytes = 20;

    public bool IsError => (Type & OptionReplyType.ErrorBit) != 0;

    /// <returns>False when the magic is wrong.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out OptionReplyHeader header)
    {
        header = new OptionReplyHeader(
            (NbdOption)BinaryPrimitives.ReadUInt32BigEndian(source[8..]),
            (OptionReplyType)BinaryPrimitives.ReadUInt32BigEndian(source[12..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[16..]));
        return BinaryPrimitives.ReadUInt64BigEndian(source) == NbdMagic.OptionReply;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, NbdMagic.OptionReply);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], (uint)Option);
        BinaryPrimitives.WriteUInt32BigEndian(destination[12..], (uint)Type);
        BinaryPrimitives.WriteUInt32BigEndian(destination[16..], Length);
    }
}
