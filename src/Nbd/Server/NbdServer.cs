using System.Net;
using System.Net.Sockets;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Server;

/// <summary>Serves the exports of a catalog over NBD, on a unix socket, a TCP port or both.</summary>
/// <remarks>
/// A thread for every connection, asleep in the kernel while the client is idle: about 40 KiB each. Nothing a client does or fails to do
/// delays another client.
/// </remarks>
public sealed class NbdServer : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly HashSet<Connection> _connections = [];
    private readonly List<Listener> _listeners = [];
    private readonly CancellationTokenSource _stopping = new();
    private int _clients;
    private Task _accepting = Task.CompletedTask;
    private bool _isStopped;

    public NbdServer(IExportCatalog catalog, NbdServerOptions options)
    {
        Options = options;
        Exports = new ExportDirectory(catalog);
        Budget = new PayloadBudget(options.MaxTotalInFlightBytes);
    }

    public NbdServerOptions Options { get; }

    /// <summary>The TCP address that is listened on, with the real port; null when there is none.</summary>
    public IPEndPoint? TcpEndPoint { get; private set; }

    /// <summary>Open connections, also those that have not chosen an export.</summary>
    public int Connections
    {
        get
        {
            lock (_gate)
            {
                return _connections.Count;
            }
        }
    }

    internal ExportDirectory Exports { get; }

    internal PayloadBudget Budget { get; }

    /// <summary>Listens; clients are served when this returns. To be called once.</summary>
    /// <exception cref="SocketException">An address cannot be had.</exception>
    /// <exception cref="IOException">The socket's path is taken by a file.</exception>
    public void Start()
    {
        try
        {
            if (Options.UnixSocketPath is { } path)
            {
                _listeners.Add(Listener.OnUnixSocket(path));
            }

            if (Options.TcpEndPoint is { } endPoint)
            {
                _listeners.Add(Listener.OnTcp(endPoint));
                TcpEndPoint = (IPEndPoint)_listeners[^1].EndPoint;
            }
        }
        catch
        {
            CloseListeners();
            throw;
        }

        _accepting = Task.WhenAll(_listeners.Select(AcceptAsync));
    }

    /// <summary>Stops accepting, then closes every connection as <see cref="NbdExport.CloseAsync"/> does. Safe to call again.</summary>
    /// <param name="impatience">Cuts what is still connected.</param>
    /// <returns>False when some device call still runs.</returns>
    public async Task<bool> StopAsync(CancellationToken impatience = default)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        CloseListeners();
        Connection[] connections;
        lock (_gate)
        {
            _isStopped = true;
            connections = [.. _connections];
        }

        return await Connection.CloseAllAsync(connections, impatience).ConfigureAwait(false);
    }

    /// <summary>Stops, giving requests five seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5), Options.TimeProvider);
        await StopAsync(patience.Token).ConfigureAwait(false);
    }

    internal Connection[] ConnectionsNow()
    {
        lock (_gate)
        {
            return [.. _connections];
        }
    }

    internal void Forget(Connection connection)
    {
        lock (_gate)
        {
            _connections.Remove(connection);
        }
    }

    /// <summary>Takes one of the places for clients that have chosen.</summary>
    /// <returns>False when there is none.</returns>
    internal bool TryTakePlace()
    {
        lock (_gate)
        {
            return _clients < Options.MaxConnections && ++_clients > 0;
        }
    }

    internal void GivePlaceBack()
    {
        lock (_gate)
        {
            _clients--;
        }
    }

    // Each listener has a lobby of its own, so that a flood on the network keeps nobody off the unix socket.
    private Task AcceptAsync(Listener listener)
    {
        var lobby = new Lobby(Options.MaxHandshakes, Options.HandshakeGrace, Options.TimeProvider);
        return listener.AcceptAsync(socket => AdmitAsync(socket, lobby, listener.IsTcp ? Options.Tls : null), Options.TimeProvider, _stopping.Token);
    }

    private async Task AdmitAsync(Socket socket, Lobby lobby, ServerTls? tls)
    {
        var connection = new Connection(this, lobby, socket, tls);
        try
        {
            await lobby.EnterAsync(connection, _stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            connection.Dispose();
            return;
        }

        if (!TryRemember(connection))
        {
            lobby.Leave(connection);
            connection.Dispose();
            return;
        }

        try
        {
            connection.Start();
        }
        catch (OutOfMemoryException e)
        {
            // No thread to be had: this client is refused, the others go on.
            lobby.Leave(connection);
            Forget(connection);
            connection.Dispose();
            Options.OnUnexpected?.Invoke(e);
        }
    }

    private bool TryRemember(Connection connection)
    {
        lock (_gate)
        {
            return !_isStopped && _connections.Add(connection);
        }
    }

    private void CloseListeners()
    {
        foreach (var listener in _listeners)
        {
            listener.Dispose();
        }

        _listeners.Clear();
    }
}
