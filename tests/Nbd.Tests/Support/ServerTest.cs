using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>A server with one export "disk"; whatever a test does to it, nothing unexpected may have happened inside.</summary>
public abstract class ServerTest : IAsyncLifetime
{
    private protected const int SizeBytes = 1024 * 1024;

    private readonly Lazy<TestServer> _server;
    private readonly Lazy<NbdExport> _export;

    protected ServerTest()
    {
        _server = new Lazy<TestServer>(() => new TestServer(ConfigureServer));
        _export = new Lazy<NbdExport>(() => _server.Value.Add("disk", Device, "a disk"));
    }

    private protected MemoryDevice Device { get; } = new(SizeBytes);

    private protected TestServer Server => _server.Value;

    private protected NbdExport Export => _export.Value;

    /// <summary>A failure that a test provoked on purpose is taken from the server's queue by the test.</summary>
    public virtual async Task DisposeAsync()
    {
        await Server.DisposeAsync();
        Assert.Empty(Server.Unexpected);
    }

    public Task InitializeAsync()
    {
        new Random(20260102).NextBytes(Device.Content);
        _ = Export;
        return Task.CompletedTask;
    }

    private protected virtual NbdServerOptions ConfigureServer(NbdServerOptions options) => options;

    /// <summary>A client in the options phase.</summary>
    private protected RawClient Greeted(HandshakeFlags flags = HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes)
    {
        var client = new RawClient(Server.SocketPath);
        client.Greet(flags);
        return client;
    }

    /// <summary>A client in the transmission phase without structured replies.</summary>
    private protected RawClient Simple(string export = "disk") => RawClient.Entered(Server.SocketPath, export, structured: false);

    /// <summary>A client in the transmission phase with structured replies and base:allocation.</summary>
    private protected RawClient Structured(string export = "disk") =>
        RawClient.Entered(Server.SocketPath, export, structured: true, AllocationContext.ContextName);

    /// <summary>The client gets right answers.</summary>
    private protected void ExpectServed(RawClient client, bool isStructured = false)
    {
        client.Request(NbdCommand.Read, 4096, 16, cookie: 4711);
        if (isStructured)
        {
            var (chunk, payload) = client.ReceiveChunk();
            Assert.Equal(new ChunkHeader(ChunkFlags.Done, ChunkType.OffsetData, 4711, 24), chunk);
            Assert.Equal(Device.Content[4096..4112], payload[8..]);
        }
        else
        {
            Assert.Equal(new SimpleReplyHeader(NbdErrno.None, 4711), client.ReceiveSimple());
            Assert.Equal(Device.Content[4096..4112], client.Receive(16));
        }
    }
}
