using System.Net;
using System.Net.Sockets;

namespace ActorBackup.Nbd.Server;

/// <summary>A listening socket and the loop that accepts from it.</summary>
internal sealed class Listener : IDisposable
{
    private const int Backlog = 512;

    /// <summary>Out of descriptors or memory: accepting again at once would only spin.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly string? _path;

    private Listener(Socket socket, string? path)
    {
        _socket = socket;
        _path = path;
    }

    public bool IsTcp => _path is null;

    public EndPoint EndPoint => _socket.LocalEndPoint!;

    /// <summary>Unlinks a socket file that a dead process left behind. The caller knows that no live process serves this path.</summary>
    public static Listener OnUnixSocket(string path)
    {
        // A socket has no length, so whatever has content is somebody's file.
        var leftover = new FileInfo(path);
        if (leftover.Exists && leftover.Length > 0)
        {
            throw new IOException($"'{path}' is a file with content, not a socket.");
        }

        File.Delete(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));

            // Nobody can connect before Listen, so nobody gets in under the wider mode that Bind gave.
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            socket.Listen(Backlog);
            return new Listener(socket, path);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static Listener OnTcp(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endPoint);
            socket.Listen(Backlog);
            return new Listener(socket, null);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Hands every accepted socket over until cancelled, one after the other.</summary>
    public async Task AcceptAsync(Func<Socket, Task> onAccepted, TimeProvider clock, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                var socket = await _socket.AcceptAsync(cancellation).ConfigureAwait(false);
                Tune(socket);
                await onAccepted(socket).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(RetryDelay, clock, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        if (_path is not null)
        {
            File.Delete(_path);
        }
    }

    private static void Tune(Socket socket)
    {
        if (socket.ProtocolType == ProtocolType.Tcp)
        {
            socket.NoDelay = true;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        }
    }
}
