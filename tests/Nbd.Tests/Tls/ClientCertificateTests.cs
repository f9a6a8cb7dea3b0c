using System.Security.Cryptography.X509Certificates;
using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

public sealed class ClientCertificateTests() : TlsTest(TlsMode.Require, wantsClients: true)
{
    [Fact]
    public async Task A_client_of_the_authority_is_served()
    {
        await using var client = await NbdClient.ConnectAsync(Server.SecureUri("disk"), Authority.Client("client")).InTime();
        var content = new byte[4096];
        await client.ReadAsync(8192, content, default).InTime();
        Assert.Equal(Device.Content[8192..12288], content);
    }

    [Fact]
    public async Task A_uri_may_name_the_directory_of_the_certificates()
    {
        var uri = Server.SecureUri("disk") with { TlsDirectory = Authority.Directory };
        await using (var client = await NbdClient.ConnectAsync(uri).InTime())
        {
            await client.ReadAsync(0, new byte[512], default).InTime();
        }

        var e = await Assert.ThrowsAsync<TlsFileException>(() => NbdClient.ConnectAsync(uri with { TlsDirectory = "/no/such" }).InTime());
        Assert.Contains("/no/such/ca-cert.pem", e.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<NbdRefusedException>(() => NbdClient.ConnectAsync(uri with { TlsHostName = "elsewhere" }).InTime());
    }

    [Fact]
    public Task A_client_without_a_certificate_is_not_served() => ExpectRefusedAsync(Authority.Client());

    [Fact]
    public async Task A_client_of_another_authority_is_not_served()
    {
        using var other = new Authority("another authority");
        await ExpectRefusedAsync(ClientTls.Load(Authority.CertificatePath, other.CertificateOf("client"), other.KeyOf("client")));
    }

    [Fact]
    public async Task A_client_of_an_authority_of_the_same_name_is_not_served()
    {
        using var other = new Authority();
        await ExpectRefusedAsync(ClientTls.Load(Authority.CertificatePath, other.CertificateOf("client"), other.KeyOf("client")));
    }

    [Fact]
    public Task A_client_whose_certificate_has_expired_is_not_served()
    {
        Authority.IssueClient("late", TimeSpan.FromDays(-1));
        return ExpectRefusedAsync(Authority.Client("late"));
    }

    [Fact]
    public Task A_client_with_a_servers_certificate_is_not_served() => ExpectRefusedAsync(Authority.Client("server"));

    [Fact]
    public void A_client_that_shows_no_certificate_gets_no_answer_to_any_option()
    {
        using var client = GreetedOverTcp();
        client.Ask(NbdOption.StartTls, []);
        try
        {
            client.Secure();
            client.SendOption(NbdOption.List, []);
            Assert.Empty(client.ReceiveToEnd());
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // TLS 1.3 tells a client that it is refused when it has long been sending.
        }
    }

    [Fact]
    public void A_client_that_shows_its_certificate_is_answered()
    {
        using var certificate = X509Certificate2.CreateFromPemFile(Authority.CertificateOf("client"), Authority.KeyOf("client"));
        using var client = GreetedOverTcp();
        client.StartTls(certificate);
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        ExpectServed(client);
    }

    private async Task ExpectRefusedAsync(ClientTls tls)
    {
        await Assert.ThrowsAnyAsync<IOException>(() => NbdClient.ConnectAsync(Server.SecureUri("disk"), tls).InTime());
        await Patience.UntilAsync(() => Server.Server.Connections == 0);
        Assert.Equal(0, Export.Clients);
        Assert.Empty(Device.CallsSoFar);
    }
}
