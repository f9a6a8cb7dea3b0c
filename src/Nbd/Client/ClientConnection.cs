using System.Net.Sockets;
using System.Security.Authentication;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tls;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Client;

/// <summary>A connection to a server with its receiving thread: requests go in, results come out, in any order.</summary>
internal sealed class ClientConnection
{
    private const int StackBytes = 256 * 1024;

    private readonly NbdUri _uri;
    private readonly ClientTls _tls;
    private readonly Socket _socket;
    private readonly RequestTable _requests;
    private readonly TaskCompletionSource<RemoteExport> _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Sender? _sender;

    private ClientConnection(NbdUri uri, ClientTls tls, int maxInFlight)
    {
        _uri = uri;
        _tls = tls;
        _requests = new RequestTable(maxInFlight);
        _socket = uri.SocketPath is null
            ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    }

    /// <summary>Completes when the receiving thread is gone, and with it every use of callers' memory.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Set before the first request fails for it.</summary>
    public bool IsLost => _requests.IsLost;

    /// <summary>Connects and enters the export.</summary>
    public static async Task<(ClientConnection Connection, RemoteExport Export)> OpenAsync(
        NbdUri uri, ClientTls tls, int maxInFlight, CancellationToken cancellation)
    {
        var connection = new ClientConnection(uri, tls, maxInFlight);
        new Thread(connection.Run, StackBytes) { IsBackground = true, Name = "nbd client" }.Start();
        await using var registration = cancellation.Register(connection.Abort).ConfigureAwait(false);
        try
        {
            return (connection, await connection._entered.Task.ConfigureAwait(false));
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
    }

    /// <summary>Sends a request. Waits only while too many are in flight, and only that can be cancelled.</summary>
    /// <remarks>Never throws by itself: a caller that starts several requests must get every task, because each uses its memory.</remarks>
    public ValueTask SendAsync(in RequestHeader request, ReadOnlyMemory<byte> payload, Memory<byte> target, CancellationToken cancellation)
    {
        if (!_requests.TryReserve())
        {
            return WaitAndSendAsync(request, payload, target, cancellation);
        }

        try
        {
            var pending = Post(request, payload, target, default);
            return new ValueTask(pending, pending.Version);
        }
        catch (BlockDeviceException e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <summary>Sends a BLOCK_STATUS like <see cref="SendAsync"/>.</summary>
    /// <returns>How many runs were filled.</returns>
    public async ValueTask<int> QueryAsync(RequestHeader request, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        await _requests.AwaitOneAsync(cancellation).ConfigureAwait(false);
        var pending = Post(request, default, default, runs);
        return await new ValueTask<int>(pending, pending.Version).ConfigureAwait(false);
    }

    /// <summary>Says goodbye; the server finishes what it has begun and ends the connection.</summary>
    public void Disconnect() => _sender!.Post(new Goodbye());

    /// <summary>Cuts the connection; also ends an attempt to connect.</summary>
    public void Abort()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Not connected yet: only closing ends the attempt.
            _socket.Dispose();
        }
    }

    private async ValueTask WaitAndSendAsync(RequestHeader request, ReadOnlyMemory<byte> payload, Memory<byte> target, CancellationToken cancellation)
    {
        await _requests.AwaitOneAsync(cancellation).ConfigureAwait(false);
        var pending = Post(request, payload, target, default);
        await new ValueTask(pending, pending.Version).ConfigureAwait(false);
    }

    private ClientRequest Post(in RequestHeader request, ReadOnlyMemory<byte> payload, Memory<byte> target, Memory<AllocationRun> runs)
    {
        var pending = _requests.Begin(out var cookie);
        pending.Prepare(request with { Cookie = cookie }, payload, target, runs);
        _requests.Expect(pending);
        _sender!.Post(pending);
        return pending;
    }

    private void Run()
    {
        var reason = "The server ended the connection.";
        try
        {
            Connect();
            Converse();
        }
#pragma warning disable CA1031 // Nobody is above this thread: what is not caught here, such as an address that cannot be, ends the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            reason = e.Message;
            _entered.TrySetException(e is IOException ? e : new IOException($"Cannot connect to {_uri}: {e.Message}", e));
        }
        finally
        {
            Abort();
            _requests.Lose($"The connection to {_uri} is lost. {reason}");
            _socket.Dispose();
            _ended.SetResult();
        }
    }

    private void Connect()
    {
        if (_uri.SocketPath is { } path)
        {
            _socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        else
        {
            _socket.Connect(_uri.Host!, _uri.Port);
        }
    }

    private void Converse()
    {
        var socket = new BlockingSocket(_socket);
        if (!_uri.IsSecure)
        {
            Converse(socket, isGreeted: false);
            return;
        }

        using (var input = new ReceiveBuffer(socket, BufferPool.Shared))
        {
            new ClientHandshake(_uri.ExportName, input, new Sender(socket)).StartTls();
        }

        using var channel = new TlsChannel(socket, BufferPool.Shared);
        Authenticate(channel);
        Converse(channel, isGreeted: true);
    }

    private void Authenticate(TlsChannel channel)
    {
        var refusal = "";
        try
        {
            channel.Connect(_tls.CreateOptions(_uri.Host, why => refusal = why));
        }
        catch (AuthenticationException e) when (refusal.Length > 0)
        {
            throw new NbdRefusedException($"The server at {_uri} is not trusted: {refusal}", e);
        }
        catch (Exception e) when (e is AuthenticationException or IOException or InvalidOperationException)
        {
            throw new NbdRefusedException($"TLS with {_uri} failed: {e.Message}", e);
        }
    }

    private void Converse(Channel channel, bool isGreeted)
    {
        using var input = new ReceiveBuffer(channel, BufferPool.Shared);
        _sender = new Sender(channel);
        try
        {
            var export = new ClientHandshake(_uri.ExportName, input, _sender).Run(isGreeted);
            _entered.SetResult(export);
            new ReplyReader(export, input, _requests).Run();
        }
        finally
        {
            // Callers may still be sending: what they use must not be disposed of under them.
            Abort();
            _sender.Close();
        }
    }
}
