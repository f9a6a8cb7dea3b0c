using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Tests;

public sealed class AddressTests
{
    [Theory]
    [InlineData("backups", "file:///srv/backups")]
    [InlineData("../x/", "file:///x")]
    [InlineData("/var/b", "file:///var/b")]
    [InlineData("file:/var/b", "file:///var/b")]
    [InlineData("file:///var/b", "file:///var/b")]
    [InlineData("file:b", "file:///srv/b")]
    [InlineData("s3://bucket/b", "s3://bucket/b")]
    [InlineData("a:b", "file:///srv/a:b")]
    public void A_repository_lies_at_an_absolute_place(string given, string absolute) =>
        Assert.Equal(absolute, RepositoryUrl.Absolute(given, "/srv"));

    [Fact]
    public void An_export_on_a_unix_socket_attaches_with_reconnect_delay()
    {
        var address = NbdAddress.Parse("nbd+unix:///db?socket=/data/it's/nbd.sock");
        Assert.Equal(new NbdAddress("db", "/data/it's/nbd.sock", null, 0), address);
        Assert.Equal(
            """{"driver":"nbd","node-name":"disk0","export":"db","server":{"type":"unix","path":"/data/it's/nbd.sock"},"reconnect-delay":60}""",
            AttachLines.Blockdev(address!, readOnly: false));
        Assert.Contains("    <reconnect delay='60'/>", AttachLines.Libvirt(address!, readOnly: false));
    }

    [Fact]
    public void An_export_over_tcp_attaches_too()
    {
        var address = NbdAddress.Parse("nbd://node1:10811/db");
        Assert.Equal(new NbdAddress("db", null, "node1", 10811), address);
        Assert.Equal(
            """{"driver":"nbd","node-name":"disk0","export":"db","server":{"type":"inet","host":"node1","port":"10811"},"reconnect-delay":60,"read-only":true}""",
            AttachLines.Blockdev(address!, readOnly: true));
    }

    [Fact]
    public void An_export_with_tls_attaches_with_credentials()
    {
        var address = NbdAddress.Parse("nbds://[::1]:10811/db");
        Assert.Equal(new NbdAddress("db", null, "::1", 10811, IsSecure: true), address);
        Assert.StartsWith("-object tls-creds-x509,id=tls0,endpoint=client,", AttachLines.Credentials(address!), StringComparison.Ordinal);
        Assert.Equal(
            """{"driver":"nbd","node-name":"disk0","export":"db","server":{"type":"inet","host":"::1","port":"10811"},"tls-creds":"tls0","reconnect-delay":60}""",
            AttachLines.Blockdev(address!, readOnly: false));
        Assert.Contains("  <source protocol='nbd' name='db' tls='yes'>", AttachLines.Libvirt(address!, readOnly: false));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("db")]
    [InlineData("http://x/db")]
    [InlineData("nbd+unix:///db")]
    public void What_is_no_nbd_uri_attaches_to_nothing(string? uri) => Assert.Null(NbdAddress.Parse(uri));

    [Theory]
    [InlineData(null, null, "http://127.0.0.1:8440/")]
    [InlineData(null, "http://n1:1", "http://n1:1/")]
    [InlineData("n2:2", "http://n1:1", "http://n2:2/")]
    public void The_flag_names_the_endpoint_before_the_environment(string? flag, string? variable, string expected) =>
        Assert.Equal(expected, NodeEndpoint.Choose(flag, _ => variable).ToString());

    [Theory]
    [InlineData("http://[")]
    [InlineData("ftp://x")]
    public void What_is_no_endpoint_is_refused(string text)
    {
        var e = Assert.Throws<CliException>(() => NodeEndpoint.Choose(text, _ => null));
        Assert.Equal(ExitCodes.Usage, e.ExitCode);
    }

    [Fact]
    public void Names_are_escaped_in_paths()
    {
        Assert.Equal("/v1/points/db%402026-11-23T04%3A00%3A00Z", ApiPath.Point("db@2026-11-23T04:00:00Z"));
        Assert.Equal("/v1/disks/db/bitmaps/a%2Fb%3F/extents?set=copy", ApiPath.Query(ApiPath.Bitmap("db", "a/b?", "extents"), ("set", "copy"), ("x", null)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    public void A_name_that_a_url_would_swallow_names_nothing(string name) =>
        Assert.Equal(ErrorCodes.UnknownDisk, Assert.Throws<CliException>(() => ApiPath.Disk(name)).Code);
}
