using System.Buffers.Binary;

namespace ActorBackup.Nbd.Protocol;

/// <summary>Start of an option that a client sends; Length bytes of data follow.</summary>
/// <remarks>Magic 8, option 4, length 4: 16 bytes.</remarks>
public readonly record struct OptionHeader(NbdOption Option, uint Length)
{
    public const int SizeBytes = 16;

    /// <returns>False when the magic is wrong.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out OptionHeader header)
    {
        header = new OptionHeader(
            (NbdOption)BinaryPrimitives.ReadUInt32BigEndian(source[8..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[12..]));
        return BinaryPrimitives.ReadUInt64BigEndian(source) == NbdMagic.Option;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, NbdMagic.Option);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], (uint)Option);
        BinaryPrimitives.WriteUInt32BigEndian(destination[12..], Length);
    }
}
