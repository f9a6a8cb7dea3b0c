using System.Net;
using System.Net.Sockets;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>Stands between one client and a server and hands on their bytes in pieces of its own choice, until told to cut.</summary>
internal sealed class Relay : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly Func<int> _nextPiece;
    private Socket? _client;
    private long _rest;

    /// <param name="server">Where to.</param>
    /// <param name="nextPiece">Bytes of the next piece. Called from two threads.</param>
    /// <param name="cutAfterBytes">From the server; the connection is cut then.</param>
    public Relay(IPEndPoint server, Func<int> nextPiece, long cutAfterBytes = long.MaxValue)
    {
        _nextPiece = nextPiece;
        _rest = cutAfterBytes;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(1);
        _server.Connect(server);
        new Thread(Run) { IsBackground = true }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public void Dispose()
    {
        _listener.Dispose();
        _client?.Dispose();
        _server.Dispose();
    }

    private void Run()
    {
        try
        {
            _client = _listener.Accept();
            _client.NoDelay = true;
            new Thread(() => Pump(_client, _server, isLimited: false)) { IsBackground = true }.Start();
            Pump(_server, _client, isLimited: true);
        }
        catch (SocketException)
        {
            // Disposed of before anybody came.
        }
    }

    private void Pump(Socket from, Socket to, bool isLimited)
    {
        var buffer = new byte[1 << 20];
        try
        {
            while (!isLimited || _rest > 0)
            {
                var count = from.Receive(buffer, 0, Math.Clamp(_nextPiece(), 1, buffer.Length), SocketFlags.None);
                if (isLimited)
                {
                    count = (int)Math.Min(count, _rest);
                    _rest -= count;
                }

                if (count == 0)
                {
                    break;
                }

                for (var sent = 0; sent < count;)
                {
                    sent += to.Send(buffer, sent, count - sent, SocketFlags.None);
                }
            }

            to.Shutdown(SocketShutdown.Both);
            from.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Either side is gone; the other one hears of it from its own socket.
            from.Dispose();
            to.Dispose();
        }
    }
}
