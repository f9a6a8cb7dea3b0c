using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

/// <summary>Certificates that are replaced while the server runs.</summary>
public sealed class ChangedFilesTests() : TlsTest(TlsMode.Require, wantsClients: true)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ManualClock _clock = new();
    private readonly ConcurrentQueue<string> _told = new();

    [Fact]
    public void New_clients_see_the_new_certificate_and_old_ones_go_on()
    {
        using var old = Joined();
        Authority.IssueServer("server");
        using var soon = Joined();
        Assert.Equal(old.ServerThumbprint, soon.ServerThumbprint);

        _clock.Pass(Interval);
        using var late = Joined();
        Assert.Equal(Thumbprint(), late.ServerThumbprint);
        Assert.NotEqual(old.ServerThumbprint, late.ServerThumbprint);
        ExpectServed(old);
        Assert.Contains("have changed; new clients see", Assert.Single(_told), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a certificate without its key")]
    [InlineData("no key at all")]
    [InlineData("something else")]
    [InlineData("an expired certificate")]
    public void Files_that_cannot_be_used_are_told_once_and_change_nothing_until_they_can(string what)
    {
        using var old = Joined();
        var key = File.ReadAllText(Authority.KeyOf("server"));
        switch (what)
        {
            case "a certificate without its key":
                Authority.IssueServer("server");
                File.WriteAllText(Authority.KeyOf("server"), key);
                break;
            case "no key at all":
                File.Delete(Authority.KeyOf("server"));
                break;
            case "something else":
                File.WriteAllText(Authority.CertificateOf("server"), "hello");
                break;
            default:
                Authority.IssueServer("server", expiresIn: TimeSpan.FromDays(-1));
                break;
        }

        for (var i = 0; i < 3; i++)
        {
            _clock.Pass(Interval);
            using var client = Joined();
            Assert.Equal(old.ServerThumbprint, client.ServerThumbprint);
        }

        var line = Assert.Single(_told);
        Assert.Contains("those of before stay in use: ", line, StringComparison.Ordinal);
        Assert.Contains(Authority.Directory, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);

        Authority.IssueServer("server");
        _clock.Pass(Interval);
        using var late = Joined();
        Assert.Equal(Thumbprint(), late.ServerThumbprint);
    }

    [Fact]
    public void Another_authority_of_clients_counts_from_now_on()
    {
        using var old = Joined();
        using var other = new Authority("another authority");
        File.Copy(other.CertificatePath, Authority.CertificatePath, overwrite: true);
        _clock.Pass(Interval);
        using var late = Joined(other);
        Assert.ThrowsAny<Exception>(() => Joined());
        ExpectServed(old);
    }

    [Fact]
    public void A_link_that_leads_elsewhere_is_a_change()
    {
        using var old = Joined();
        Authority.IssueServer("next");
        foreach (var path in new Func<string, string>[] { Authority.CertificateOf, Authority.KeyOf })
        {
            File.Delete(path("server"));
            File.CreateSymbolicLink(path("server"), path("next"));
        }

        _clock.Pass(Interval);
        using var late = Joined();
        Assert.Equal(Thumbprint(), late.ServerThumbprint);
        Assert.NotEqual(old.ServerThumbprint, late.ServerThumbprint);
    }

    private protected override NbdServerOptions ConfigureServer(NbdServerOptions options) =>
        options with { Tls = Authority.Server(TlsMode.Require, wantsClients: true, _clock, _told.Enqueue) };

    private string Thumbprint()
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Authority.CertificateOf("server"));
        return certificate.Thumbprint;
    }

    /// <summary>A client that is believed and has chosen.</summary>
    private RawClient Joined(Authority? of = null)
    {
        var authority = of ?? Authority;
        using var ephemeral = X509Certificate2.CreateFromPemFile(authority.CertificateOf("client"), authority.KeyOf("client"));
        var client = GreetedOverTcp();
        client.StartTls(ephemeral);
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        return client;
    }
}
