using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace ActorBackup.Nbd.Transport;

/// <summary>A connected stream socket whose owner thread blocks in it.</summary>
/// <remarks>
/// Failures are not told apart from the end of the stream: either way the peer is gone. Another thread ends a blocked call with
/// <see cref="StopReceiving"/> or <see cref="Abort"/>; only the owner disposes. The descriptor must never have been used asynchronously,
/// because that would have made it non-blocking.
/// </remarks>
internal sealed class BlockingSocket(Socket socket) : Channel
{
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(2);

    private readonly SafeSocketHandle _handle = socket.SafeHandle;
    private int _idlenessWanted;

    /// <remarks>Called by the thread that receives.</remarks>
    public override void WantIdleness(bool wanted)
    {
        _idlenessWanted += wanted ? 1 : -1;
        try
        {
            socket.ReceiveTimeout = _idlenessWanted > 0 ? (int)IdleTime.TotalMilliseconds : 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer is gone; the next receive says so.
        }
    }

    public override unsafe int Receive(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var received = Libc.Receive(_handle, start, (nuint)buffer.Length, 0);
                if (received >= 0)
                {
                    return (int)received;
                }

                switch (Marshal.GetLastPInvokeError())
                {
                    case Libc.Eintr:
                        continue;
                    case Libc.Eagain:
                        return TimedOut;
                    default:
                        return 0;
                }
            }
        }
    }

    /// <summary>Sends both parts in one call.</summary>
    public override int Send(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool mayBlock)
    {
        try
        {
            return SendPieces(first, second, mayBlock);
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    /// <summary>Receive returns what has arrived already and then the end; sending goes on.</summary>
    public void StopReceiving() => Shutdown(SocketShutdown.Receive);

    public override void Abort() => Shutdown(SocketShutdown.Both);

    /// <summary>The end of the stream says it.</summary>
    public override void SayEnd()
    {
    }

    public override void Dispose() => socket.Dispose();

    private unsafe int SendPieces(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool mayBlock)
    {
        fixed (byte* firstStart = first, secondStart = second)
        {
            var pieces = stackalloc Libc.Piece[2];
            pieces[0] = new Libc.Piece { Start = firstStart, Length = (nuint)first.Length };
            pieces[1] = new Libc.Piece { Start = secondStart, Length = (nuint)second.Length };
            var message = new Libc.MessageHeader { Pieces = pieces, PieceCount = second.IsEmpty ? 1u : 2u };
            var flags = Libc.NoSignal | (mayBlock ? 0 : Libc.DontWait);
            while (true)
            {
                var sent = Libc.SendMessage(_handle, &message, flags);
                if (sent >= 0)
                {
                    return (int)sent;
                }

                switch (Marshal.GetLastPInvokeError())
                {
                    case Libc.Eintr:
                        continue;
                    case Libc.Eagain when !mayBlock:
                        return WouldBlock;
                    default:
                        return 0;
                }
            }
        }
    }

    private void Shutdown(SocketShutdown how)
    {
        try
        {
            socket.Shutdown(how);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Already gone, which is what was wanted.
        }
    }
}
