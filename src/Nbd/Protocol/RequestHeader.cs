using System.Buffers.Binary;

namespace ActorBackup.Nbd.Protocol;

/// <summary>Start of every request of the transmission phase; a WRITE's payload follows it.</summary>
/// <remarks>Magic 4, flags 2, command 2, cookie 8, offset 8, length 4: 28 bytes.</remarks>
public readonly record struct RequestHeader(CommandFlags Flags, NbdCommand Command, ulong Cookie, ulong Offset, uint Length)
{
    public const int SizeBytes = 28;

    /// <returns>False when the magic is wrong: the stream can no longer be followed.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out RequestHeader header)
    {
        header = new RequestHeader(
            (CommandFlags)BinaryPrimitives.ReadUInt16BigEndian(source[4..]),
            (NbdCommand)BinaryPrimitives.ReadUInt16BigEndian(source[6..]),
            BinaryPrimitives.ReadUInt64BigEndian(source[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(source[16..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[24..]));
        return BinaryPrimitives.ReadUInt32BigEndian(source) == NbdMagic.Request;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, NbdMagic.Request);
        BinaryPrimitives.WriteUInt16BigEndian(destination[4..], (ushort)Flags);
        BinaryPrimitives.WriteUInt16BigEndian(destination[6..], (ushort)Command);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Cookie);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], Offset);
        BinaryPrimitives.WriteUInt32BigEndian(destination[24..], Length);
    }
}
