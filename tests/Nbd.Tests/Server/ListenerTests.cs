using System.Net;
using System.Net.Sockets;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class ListenerTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    private string SocketPath => _directory.File("s");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task The_socket_is_for_its_owner_only()
    {
        await using var server = Start(SocketPath);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public async Task A_socket_that_a_dead_process_left_behind_is_replaced()
    {
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(SocketPath));
            File.Move(SocketPath, _directory.File("kept"));
        }

        File.Move(_directory.File("kept"), SocketPath);
        await using var server = Start(SocketPath);
        using var client = new RawClient(SocketPath);
        client.Greet();
    }

    [Fact]
    public void A_file_with_content_is_not_taken_for_a_socket()
    {
        File.WriteAllText(SocketPath, "precious");
        Assert.Throws<IOException>(() => Start(SocketPath));
        Assert.Equal("precious", File.ReadAllText(SocketPath));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_and_nothing_stays_listening()
    {
        await using var first = Start(SocketPath, new IPEndPoint(IPAddress.Loopback, 0));
        var e = Assert.Throws<SocketException>(() => Start(_directory.File("other"), first.TcpEndPoint));
        Assert.Equal(SocketError.AddressAlreadyInUse, e.SocketErrorCode);
        Assert.False(File.Exists(_directory.File("other")));
    }

    [Fact]
    public async Task Both_addresses_lead_to_the_same_exports()
    {
        await using var server = new TestServer();
        server.Add("disk", new MemoryDevice(4096));
        foreach (var endPoint in (EndPoint[])[new UnixDomainSocketEndPoint(server.SocketPath), server.Server.TcpEndPoint!])
        {
            using var client = new RawClient(endPoint);
            client.Greet();
            Assert.Equal(2, client.Ask(Nbd.Protocol.NbdOption.List, []).Count);
        }
    }

    private static NbdServer Start(string path, IPEndPoint? endPoint = null)
    {
        var server = new NbdServer(new ExportCatalog(), new NbdServerOptions { UnixSocketPath = path, TcpEndPoint = endPoint });
        server.Start();
        return server;
    }
}
