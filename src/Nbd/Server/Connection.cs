using System.Net.Sockets;
using System.Security.Authentication;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tls;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Server;

/// <summary>One client: a socket, the thread that serves it, and how it ends.</summary>
internal sealed class Connection : IDisposable
{
    /// <summary>Devices run on this stack, and so does exception handling; unused pages cost nothing.</summary>
    private const int StackBytes = 256 * 1024;

    private readonly NbdServer _server;
    private readonly Lobby _lobby;
    private readonly BlockingSocket _socket;
    private readonly ServerTls? _tls;
    private readonly CancellationTokenSource _cancellation = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private NbdExport? _export;
    private Transmission? _transmission;
    private volatile bool _isClosing;

    /// <param name="server">Whose client it is.</param>
    /// <param name="lobby">Where it is until the client has chosen.</param>
    /// <param name="socket">Belongs to the connection.</param>
    /// <param name="tls">What STARTTLS leads to here; null when there is none.</param>
    public Connection(NbdServer server, Lobby lobby, Socket socket, ServerTls? tls)
    {
        _server = server;
        _lobby = lobby;
        _socket = new BlockingSocket(socket);
        _tls = tls;
        Cancellation = _cancellation.Token;
    }

    public NbdServerOptions Options => _server.Options;

    /// <summary>Asks device calls to give up waiting, once the client is beyond being answered.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Requests that come now are not answered.</summary>
    public bool IsClosing => _isClosing;

    public PayloadBudget Budget => _server.Budget;

    /// <inheritdoc cref="Transmission.StallMark"/>
    public long StallMark => Volatile.Read(ref _transmission)?.StallMark ?? 0;

    /// <summary>Completes when nothing of the connection is left.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Closes connections politely until impatience comes, then cuts the rest.</summary>
    /// <returns>False when some have not ended, because a device call still runs.</returns>
    public static async Task<bool> CloseAllAsync(IReadOnlyCollection<Connection> connections, CancellationToken impatience)
    {
        foreach (var connection in connections)
        {
            connection.Close();
        }

        var ended = Task.WhenAll(connections.Select(c => c.Ended));
        try
        {
            await ended.WaitAsync(impatience).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            foreach (var connection in connections)
            {
                connection.Abort();
            }
        }

        return await EndsSoonAsync(ended).ConfigureAwait(false);
    }

    public void Start() => new Thread(Run, StackBytes) { IsBackground = true, Name = "nbd connection" }.Start();

    /// <summary>Lets requests that have begun finish, passes over later ones, then ends.</summary>
    public void Close()
    {
        _isClosing = true;
        _socket.StopReceiving();
    }

    /// <summary>Ends without answering anything more; device calls that run are waited for all the same.</summary>
    public void Abort()
    {
        _isClosing = true;
        _socket.Abort();
        try
        {
            _cancellation.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended meanwhile.
        }

        Budget.Wake();
    }

    /// <summary>Waits until the server has memory for this connection, and cuts clients that keep others waiting for it.</summary>
    /// <returns>False when the connection was cut meanwhile.</returns>
    public bool AwaitMemory(Func<bool> isThere)
    {
        var stalls = new StallWatch(_server, this);
        while (!isThere())
        {
            if (Cancellation.IsCancellationRequested)
            {
                return false;
            }

            Budget.Wait(() => isThere() || Cancellation.IsCancellationRequested, stalls.NextLook);
            stalls.Look();
        }

        return true;
    }

    /// <summary>The client has chosen. Once granted, it has a place on the server and on the export until the connection ends.</summary>
    /// <param name="export">What it chose.</param>
    /// <param name="chosen">Contexts of it.</param>
    public Entrance Enter(NbdExport export, IReadOnlyList<SelectedContext> chosen)
    {
        if (!_server.TryTakePlace())
        {
            return Entrance.Full;
        }

        if (!export.TryAttach(this, chosen))
        {
            _server.GivePlaceBack();
            return Entrance.Closing;
        }

        Volatile.Write(ref _export, export);
        _lobby.Leave(this);
        return Entrance.Granted;
    }

    public void Dispose()
    {
        _socket.Dispose();
        _cancellation.Dispose();
    }

    // A cut connection ends as fast as its thread wakes up, unless the device does not return.
    private static async Task<bool> EndsSoonAsync(Task ended)
    {
        await Task.WhenAny(ended, Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false);
        return ended.IsCompleted;
    }

    private void Run()
    {
        try
        {
            Serve();
        }
#pragma warning disable CA1031 // A defect met while serving one client must not take the others down.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Options.OnUnexpected?.Invoke(e);
        }
        finally
        {
            LeavePlaces();
            Dispose();
            _server.Forget(this);
            _ended.SetResult();
        }
    }

    private void LeavePlaces()
    {
        if (_export is { } export)
        {
            export.Detach(this);
            _server.GivePlaceBack();
        }

        _lobby.Leave(this);
    }

    private void Serve()
    {
        using var deadline = Options.TimeProvider.CreateTimer(
            static connection => ((Connection)connection!).Abort(),
            this,
            Options.HandshakeTimeout,
            Timeout.InfiniteTimeSpan);
        if (ServeInTheClear(deadline) is { } clientFlags)
        {
            ServeSecured(clientFlags, deadline);
        }
    }

    /// <returns>What the client can, when it goes on with TLS; null when it was served or is gone.</returns>
    private HandshakeFlags? ServeInTheClear(ITimer deadline)
    {
        var stage = _tls?.Mode switch
        {
            null => TlsStage.Unavailable,
            TlsMode.Require => TlsStage.Required,
            _ => TlsStage.Offered,
        };
        using var link = new Link(_socket, BufferPool.Shared);
        var handshake = new Handshake(this, _server.Exports, link, stage);
        Transmit(handshake.Run(), link, deadline);

        // What came behind STARTTLS in the clear may be anybody's; to take it for the client's would let him in.
        return handshake.StartsTls && link.Input.BufferedBytes == 0 ? handshake.ClientFlags : null;
    }

    private void ServeSecured(HandshakeFlags clientFlags, ITimer deadline)
    {
        using var channel = new TlsChannel(_socket, BufferPool.Shared);
        try
        {
            channel.Accept(_tls!.CreateOptions());
        }
        catch (Exception e) when (e is IOException or AuthenticationException or InvalidOperationException)
        {
            // The client is gone, speaks no TLS or is not accepted: it has been told as far as TLS tells.
            return;
        }

        // Everything said before is forgotten but what the client can: it was said in the clear.
        using var link = new Link(channel, BufferPool.Shared);
        var handshake = new Handshake(this, _server.Exports, link, TlsStage.Active, clientFlags);
        Transmit(handshake.Run(), link, deadline);
    }

    private void Transmit(Agreement? agreement, Link link, ITimer deadline)
    {
        if (agreement is not null)
        {
            deadline.Dispose();
            var transmission = new Transmission(this, agreement, link);
            Volatile.Write(ref _transmission, transmission);
            transmission.Run();
        }
    }
}
