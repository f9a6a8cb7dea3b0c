using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Server;

/// <summary>How replies of one connection are written: simple, or structured when that was negotiated.</summary>
/// <remarks>Successful replies without data are simple either way, as the protocol allows: they are shorter.</remarks>
internal readonly record struct ReplyFormat(bool IsStructured)
{
    /// <summary>Room for any reply without data.</summary>
    public const int ReplyBytesMax = ErrorChunk.SizeBytesMax;

    /// <summary>Bytes before the data of a READ's reply.</summary>
    public int DataPrefixBytes => IsStructured ? DataChunk.PrefixBytes : SimpleReplyHeader.SizeBytes;

    public void WriteDataPrefix(Span<byte> destination, in RequestHeader request)
    {
        if (IsStructured)
        {
            DataChunk.WritePrefix(destination, request.Cookie, request.Offset, request.Length);
        }
        else
        {
            new SimpleReplyHeader(NbdErrno.None, request.Cookie).Write(destination);
        }
    }

    /// <returns>Bytes written.</returns>
    public int WriteSuccess(Span<byte> destination, in RequestHeader request)
    {
        // A READ of no bytes gets here too, and to a READ only a structured reply is allowed.
        if (IsStructured && request.Command == NbdCommand.Read)
        {
            new ChunkHeader(ChunkFlags.Done, ChunkType.None, request.Cookie, 0).Write(destination);
            return ChunkHeader.SizeBytes;
        }

        new SimpleReplyHeader(NbdErrno.None, request.Cookie).Write(destination);
        return SimpleReplyHeader.SizeBytes;
    }

    /// <returns>Bytes written.</returns>
    public int WriteError(Span<byte> destination, in RequestHeader request, NbdErrno error, string message)
    {
        if (IsStructured)
        {
            return ErrorChunk.Write(destination, request.Cookie, error, message);
        }

        new SimpleReplyHeader(error, request.Cookie).Write(destination);
        return SimpleReplyHeader.SizeBytes;
    }
}
