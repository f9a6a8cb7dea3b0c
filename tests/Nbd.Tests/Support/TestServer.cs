using System.Collections.Concurrent;
using System.Net;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>A server on a unix socket and a loopback port, with a catalog that a test fills.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();

    public TestServer(Func<NbdServerOptions, NbdServerOptions>? change = null)
    {
        var options = new NbdServerOptions
        {
            UnixSocketPath = _directory.File("s"),
            TcpEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            OnUnexpected = Unexpected.Enqueue,
        };
        Server = new NbdServer(Catalog, change?.Invoke(options) ?? options);
        Server.Start();
    }

    public ExportCatalog Catalog { get; } = new();

    public NbdServer Server { get; }

    public ConcurrentQueue<Exception> Unexpected { get; } = [];

    public string SocketPath => Server.Options.UnixSocketPath!;

    public NbdExport Add(string name, IBlockDevice device, string description = "", params IMetaContext[] contexts)
    {
        var export = new NbdExport(name, device, description, contexts);
        Assert.True(Catalog.TryAdd(export));
        return export;
    }

    public string UnixUri(string name) => NbdUri.Unix(SocketPath, name).ToString();

    public string TcpUri(string name) => NbdUri.Tcp("127.0.0.1", Server.TcpEndPoint!.Port, name).ToString();

    public NbdUri SecureUri(string name, string host = "localhost") => NbdUri.Tcp(host, Server.TcpEndPoint!.Port, name, isSecure: true);

    public Task<NbdClient> ConnectAsync(string name) => NbdClient.ConnectAsync(UnixUri(name)).InTime();

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _directory.Dispose();
    }
}
