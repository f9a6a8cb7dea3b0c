using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

/// <summary>Which servers our client believes.</summary>
public sealed class ServerTrustTests : IDisposable
{
    private readonly Authority _authority = new();

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.1")]
    public Task A_server_whose_certificate_has_the_name_is_believed(string host) => ConnectAsync("server", _authority.Client(), host);

    [Fact]
    public async Task A_server_with_a_certificate_for_another_name_is_not()
    {
        _authority.IssueServer("elsewhere", "backup.example");
        var e = await Assert.ThrowsAsync<NbdRefusedException>(() => ConnectAsync("elsewhere", _authority.Client()));
        Assert.Contains("another name", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_name_may_be_another_than_the_hosts_where_that_is_said()
    {
        _authority.IssueServer("elsewhere", "backup.example");
        await ConnectAsync("elsewhere", _authority.Client().WithServerName("backup.example"));
    }

    [Fact]
    public async Task A_server_whose_certificate_has_expired_is_not()
    {
        _authority.IssueServer("late", expiresIn: TimeSpan.FromDays(-1));
        var e = await Assert.ThrowsAsync<NbdRefusedException>(() => ConnectAsync("late", _authority.Client()));
        Assert.Contains("expired", e.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_server_of_another_authority_is_not()
    {
        using var other = new Authority("another authority");
        await Assert.ThrowsAsync<NbdRefusedException>(() => ConnectAsync("server", other.Client()));
    }

    [Fact]
    public Task A_server_of_our_own_authority_is_not_believed_by_who_asks_the_operating_system() =>
        Assert.ThrowsAsync<NbdRefusedException>(() => ConnectAsync("server", ClientTls.Default));

    [Fact]
    public Task A_server_with_a_clients_certificate_is_not() =>
        Assert.ThrowsAsync<NbdRefusedException>(() => ConnectAsync("client", _authority.Client()));

    [Fact]
    public async Task A_server_without_tls_gets_nothing_of_ours()
    {
        await using var server = new TestServer();
        server.Add("disk", new MemoryDevice(4096));
        var e = await Assert.ThrowsAsync<NbdRefusedException>(() => NbdClient.ConnectAsync(server.SecureUri("disk"), _authority.Client()).InTime());
        Assert.Contains("refuses TLS", e.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _authority.Dispose();

    private async Task ConnectAsync(string certificate, ClientTls tls, string host = "localhost")
    {
        var own = ServerTls.Load(TlsMode.Require, _authority.CertificateOf(certificate), _authority.KeyOf(certificate));
        await using var server = new TestServer(options => options with { Tls = own });
        server.Add("disk", new MemoryDevice(4096));
        await using var client = await NbdClient.ConnectAsync(server.SecureUri("disk", host), tls).InTime();
        await client.ReadAsync(0, new byte[512], default).InTime();
    }
}
