using System.Net;
using System.Net.Sockets;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>An address that stays when the node behind it is another one, and that can be cut off from it.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> _open = [];
    private readonly Task _accepting;
    private Uri? _node;
    private long _received;

    public Relay(RunningNode node)
    {
        ConnectTo(node);
        _listener.Start();
        _accepting = Task.Run(AcceptAsync);
    }

    public string Endpoint => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Bytes that nodes have sent through it.</summary>
    public long Received => Interlocked.Read(ref _received);

    public void ConnectTo(RunningNode node) => _node = new Uri(node.Endpoint);

    /// <summary>Every connection breaks, and new ones do at once.</summary>
    public void Cut()
    {
        _node = null;
        lock (_open)
        {
            _open.ForEach(c => c.Close());
            _open.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Cut();
        _listener.Stop();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var upstream = new TcpClient();
        using (client)
        {
            try
            {
                if (_node is not { } node)
                {
                    return;
                }

                await upstream.ConnectAsync(node.Host, node.Port);
                lock (_open)
                {
                    _open.Add(client);
                    _open.Add(upstream);
                }

                var up = client.GetStream().CopyToAsync(upstream.GetStream());
                var buffer = new byte[16384];
                while (await upstream.GetStream().ReadAsync(buffer) is > 0 and var count)
                {
                    await client.GetStream().WriteAsync(buffer.AsMemory(0, count));
                    Interlocked.Add(ref _received, count);
                }

                client.Close();
                await up;
            }
            catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or InvalidOperationException)
            {
                // One of the two went away.
            }
        }
    }
}
