namespace ActorBackup.Nbd.Transport;

/// <summary>A stream of bytes in both directions whose owner thread blocks in it: a socket, or TLS over one.</summary>
/// <remarks>
/// One thread receives and one thread sends at a time; they may be different threads. Failures are not told apart from the end of the
/// stream: either way the peer is gone.
/// </remarks>
internal abstract class Channel : IDisposable
{
    public const int TimedOut = -1;
    public const int WouldBlock = -1;

    /// <returns>Bytes received, 0 at the end, or <see cref="TimedOut"/>: only while somebody wants to hear of idleness.</returns>
    public abstract int Receive(Span<byte> buffer);

    /// <summary>Sends from both parts in this order, perhaps not all of it.</summary>
    /// <remarks>
    /// Part of what <see cref="WouldBlock"/> was the answer to may be on its way already: the next call offers bytes that begin with the
    /// same ones.
    /// </remarks>
    /// <returns>Bytes sent, 0 when the peer is gone, or <see cref="WouldBlock"/> (only unless <paramref name="mayBlock"/>).</returns>
    public abstract int Send(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool mayBlock);

    /// <summary>Someone wants to hear of idleness, or no longer does: as often the one as the other.</summary>
    public abstract void WantIdleness(bool wanted);

    /// <summary>Tells the peer, where there is a way to, that nothing more is sent. Never blocks. Needs the right to send.</summary>
    public abstract void SayEnd();

    /// <summary>Ends both directions now, also calls that are blocked. For any thread.</summary>
    public abstract void Abort();

    public abstract void Dispose();
}
