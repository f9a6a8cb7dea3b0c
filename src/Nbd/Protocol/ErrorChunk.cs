using System.Buffers.Binary;
using System.Text;

namespace ActorBackup.Nbd.Protocol;

/// <summary>An ERROR chunk that ends a structured reply: error 4, message length 2, message.</summary>
public static class ErrorChunk
{
    /// <summary>A longer message is cut.</summary>
    public const int MessageBytesMax = 200;

    public const int SizeBytesMax = ChunkHeader.SizeBytes + FixedBytes + MessageBytesMax;

    private const int FixedBytes = 6;

    /// <returns>Bytes written, at most <see cref="SizeBytesMax"/>.</returns>
    public static int Write(Span<byte> destination, ulong cookie, NbdErrno error, string message)
    {
        var text = destination.Slice(ChunkHeader.SizeBytes + FixedBytes, MessageBytesMax);
        Encoding.UTF8.GetEncoder().Convert(message, text, flush: true, out _, out var messageBytes, out _);
        new ChunkHeader(ChunkFlags.Done, ChunkType.Error, cookie, (uint)(FixedBytes + messageBytes)).Write(destination);
        BinaryPrimitives.WriteUInt32BigEndian(destination[ChunkHeader.SizeBytes..], (uint)error);
        BinaryPrimitives.WriteUInt16BigEndian(destination[(ChunkHeader.SizeBytes + 4)..], (ushort)messageBytes);
        return ChunkHeader.SizeBytes + FixedBytes + messageBytes;
    }

    /// <param name="payload">The chunk's payload, of an ERROR or ERROR_OFFSET chunk.</param>
    /// <param name="error">Never <see cref="NbdErrno.None"/>.</param>
    /// <param name="message">May be empty.</param>
    /// <returns>False when the payload contradicts itself.</returns>
    public static bool TryRead(ReadOnlySpan<byte> payload, out NbdErrno error, out string message)
    {
        error = NbdErrno.InputOutput;
        message = "";
        if (payload.Length < FixedBytes)
        {
            return false;
        }

        error = (NbdErrno)BinaryPrimitives.ReadUInt32BigEndian(payload);
        int messageBytes = BinaryPrimitives.ReadUInt16BigEndian(payload[4..]);
        if (error == NbdErrno.None || messageBytes > payload.Length - FixedBytes)
        {
            return false;
        }

        message = Encoding.UTF8.GetString(payload.Slice(FixedBytes, messageBytes));
        return true;
    }
}
