namespace ActorBackup.Nbd.Transport;

/// <summary>Something to send: a head and perhaps a body in another place.</summary>
internal abstract class OutgoingMessage
{
    protected internal ReadOnlyMemory<byte> Head { get; protected set; }

    protected internal ReadOnlyMemory<byte> Body { get; protected set; }

    /// <summary>Next in whatever list the message is in; it is never in two.</summary>
    internal OutgoingMessage? Next { get; set; }

    /// <summary>How much a sender has sent already.</summary>
    internal int SentBytes { get; set; }

    internal int RestBytes => Head.Length + Body.Length - SentBytes;

    internal ReadOnlySpan<byte> RestOfHead => Head.Span[Math.Min(SentBytes, Head.Length)..];

    internal ReadOnlySpan<byte> RestOfBody => Body.Span[Math.Max(SentBytes - Head.Length, 0)..];

    /// <summary>The sender needs Head and Body no more: all was sent, or the connection is broken. Must not block.</summary>
    protected internal abstract void OnSent();
}
