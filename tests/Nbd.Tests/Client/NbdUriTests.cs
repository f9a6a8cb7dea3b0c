using ActorBackup.Nbd.Client;
using CsCheck;

namespace ActorBackup.Nbd.Tests.Client;

public sealed class NbdUriTests
{
    [Theory]
    [InlineData("nbd://host", "host", 10809, "")]
    [InlineData("nbd://host/", "host", 10809, "")]
    [InlineData("nbd://host:1234/disk", "host", 1234, "disk")]
    [InlineData("nbd://host/a%20b%2Fc", "host", 10809, "a b/c")]
    [InlineData("nbd://host/a/b", "host", 10809, "a/b")]
    [InlineData("nbd://[::1]:1234/disk", "::1", 1234, "disk")]
    [InlineData("nbd://10.0.0.1/disk", "10.0.0.1", 10809, "disk")]
    public void A_TCP_address_has_host_port_and_name(string text, string host, int port, string name)
    {
        var uri = NbdUri.Parse(text);
        Assert.Equal((host, port, name, null), (uri.Host, uri.Port, uri.ExportName, uri.SocketPath));
    }

    [Theory]
    [InlineData("nbd+unix:///disk?socket=/run/nbd.sock", "/run/nbd.sock", "disk")]
    [InlineData("nbd+unix:///?socket=/run/nbd.sock", "/run/nbd.sock", "")]
    [InlineData("nbd+unix:///a%3Fb?socket=/a%20b%26c", "/a b&c", "a?b")]
    [InlineData("nbd+unix:///disk?x=1&socket=/s&y=2", "/s", "disk")]
    public void A_unix_address_has_a_socket_and_a_name(string text, string path, string name)
    {
        var uri = NbdUri.Parse(text);
        Assert.Equal((path, name, null), (uri.SocketPath, uri.ExportName, uri.Host));
    }

    [Theory]
    [InlineData("nbd://host/disk", false)]
    [InlineData("nbds://host/disk", true)]
    [InlineData("nbd+unix:///disk?socket=/s", false)]
    [InlineData("nbds+unix:///disk?socket=/s", true)]
    public void The_scheme_says_whether_it_is_over_TLS(string text, bool isSecure) => Assert.Equal(isSecure, NbdUri.Parse(text).IsSecure);

    [Fact]
    public void Where_the_certificates_are_and_whose_they_should_be_may_be_said()
    {
        var uri = NbdUri.Parse("nbds+unix:///disk?socket=/s&tls-certificates=/etc/pki/a%20b&tls-hostname=backup.example");
        Assert.Equal(("/s", "/etc/pki/a b", "backup.example"), (uri.SocketPath, uri.TlsDirectory, uri.TlsHostName));
        Assert.Equal(uri, NbdUri.Parse(uri.ToString()));
        Assert.Null(NbdUri.Parse("nbd://host/disk?tls-certificates=/x").TlsDirectory);
    }

    [Theory]
    [InlineData("")]
    [InlineData("host")]
    [InlineData("/dev/sda")]
    [InlineData("http://host/disk")]
    [InlineData("nbdx://host/disk")]
    [InlineData("nbd:///disk")]
    [InlineData("nbds:///disk")]
    [InlineData("nbds+unix:///disk")]
    [InlineData("nbd://host:99999/disk")]
    [InlineData("nbd+unix:///disk")]
    [InlineData("nbd+unix:///disk?socket=")]
    public void Anything_else_is_a_format_error_that_quotes_it(string text)
    {
        var e = Assert.Throws<FormatException>(() => NbdUri.Parse(text));
        Assert.Contains($"'{text}'", e.Message, StringComparison.Ordinal);
        Assert.False(NbdUri.TryParse(text, out _));
    }

    [Fact]
    public void What_is_written_is_read_back() =>
        Gen.Select(Gen.String[Gen.Char[' ', '\u04ff'], 0, 40], Gen.String[Gen.Char['!', '~'], 1, 40], Gen.Int[1, 65535]).Sample((name, path, port) =>
        {
            foreach (var uri in (NbdUri[])[NbdUri.Unix("/" + path, name), NbdUri.Tcp("host", port, name), NbdUri.Tcp("::1", port, name), NbdUri.Unix("/s", name, isSecure: true), NbdUri.Tcp("host", port, name, isSecure: true)])
            {
                Assert.Equal(uri, NbdUri.Parse(uri.ToString()));
            }
        });
}
