using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace ActorBackup.Nbd.Transport;

/// <summary>A connected stream socket whose owner thread blocks in it.</summary>
/// <remarks>
/// Failures are not told apart from the end of the stream: either way the peer is gone. Another thread ends a blocked call with
/// <see cref="StopReceiving"/> or <see cref="Abort"/>; only the owner disposes. The descriptor must never have been used asynchronously,
/// because that would have made it non-blocking.
/// </remarks>
internal sealed class BlockingSocket(Socket socket) : IDisposable
{
    public const int TimedOut = -1;
    public const int WouldBlock = -1;

    private readonly SafeSocketHandle _handle = socket.SafeHandle;

    /// <summary>How long Receive waits before it returns <see cref="TimedOut"/>; zero is for ever.</summary>
    public void SetReceiveTimeout(TimeSpan timeout)
    {
        try
        {
            socket.ReceiveTimeout = (int)timeout.TotalMilliseconds;
        }
        catch (SocketException)
        {
            // The peer is gone; the next receive says so.
        }
    }

    /// <returns>Bytes received, 0 at the end, or <see cref="TimedOut"/>.</returns>
    public unsafe int Receive(Span<byte> buffer)
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

    /// <summary>Sends both parts in one call, perhaps not all of it.</summary>
    /// <returns>Bytes sent, 0 when the peer is gone, or <see cref="WouldBlock"/> (only unless <paramref name="mayBlock"/>).</returns>
    public int Send(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool mayBlock)
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

    /// <summary>Ends both directions now, also calls that are blocked.</summary>
    public void Abort() => Shutdown(SocketShutdown.Both);

    public void Dispose() => socket.Dispose();

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
