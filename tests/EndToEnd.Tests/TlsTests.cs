using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ActorBackup.EndToEnd.Tests.Support;
using ActorBackup.Nbd.Client;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A node whose exports are served over TCP with TLS.</summary>
public class TlsTests
{
    [Fact]
    public async Task Guests_use_a_disk_over_tls_and_nobody_else_does()
    {
        await using var world = new World();
        var (certificate, key) = Certificates(world);
        await world.StartNodeAsync(
            "data", "--nbd", "127.0.0.1:0", "--nbd-tls-certificate", certificate, "--nbd-tls-key", key, "--nbd-tls-client-ca", world.PathOf("ca-cert.pem"));
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 70));
        await world.AbkAsync("bitmap", "add", "d", "b");

        var disk = await world.AbkAsync("disk", "show", "d");
        Assert.StartsWith("nbd+unix://", disk.GetProperty("nbdUri").GetString(), StringComparison.Ordinal);
        var uri = disk.GetProperty("nbdTcpUri").GetString()!;
        Assert.StartsWith("nbds://127.0.0.1:", uri, StringComparison.Ordinal);
        await using (var client = await NbdClient.ConnectAsync($"{uri}?tls-certificates={world.Directory}"))
        {
            await client.WriteAsync(Image.BlockBytes, new byte[Image.BlockBytes], forceUnitAccess: true, CancellationToken.None);
        }

        Assert.Equal([(Image.BlockBytes, Image.BlockBytes)], await world.ExtentsAsync("d", "b"));
        using (var written = File.OpenRead(image))
        {
            written.Position = Image.BlockBytes;
            var block = new byte[Image.BlockBytes];
            written.ReadExactly(block);
            Assert.False(block.AsSpan().ContainsAnyExcept((byte)0));
        }

        await Assert.ThrowsAsync<NbdRefusedException>(() => NbdClient.ConnectAsync(uri.Replace("nbds:", "nbd:", StringComparison.Ordinal)));
        await Assert.ThrowsAnyAsync<IOException>(() => NbdClient.ConnectAsync(uri));

        var shown = await world.RunAsync("disk", "show", "d");
        Assert.Contains("-object tls-creds-x509", shown.Out, StringComparison.Ordinal);
        Assert.Contains("tls='yes'", shown.Out, StringComparison.Ordinal);
    }

    [ToolFact("qemu-img")]
    public async Task Qemu_takes_the_lines_that_are_shown()
    {
        await using var world = new World();
        var (certificate, key) = Certificates(world);
        await File.WriteAllTextAsync(
            world.PathOf("node.conf"),
            $$"""actorbackup { nbd = "127.0.0.1:0", nbd-tls = require, nbd-tls-certificate = "{{certificate}}", nbd-tls-key = "{{key}}" }""");
        await world.StartNodeAsync("data", "--config", world.PathOf("node.conf"));
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 71));

        var shown = (await world.RunAsync("disk", "show", "d")).Out;
        var blockdev = shown.Split('\n').Single(l => l.Contains("-object tls-creds-x509", StringComparison.Ordinal)).Split('\'')[1];
        await Tool.SucceedAsync(
            "qemu-img", "convert", "--object", $"tls-creds-x509,id=tls0,endpoint=client,dir={world.Directory},verify-peer=on",
            "-O", "raw", $"json:{blockdev}", world.PathOf("copy.raw"));
        Image.AssertEqual(image, world.PathOf("copy.raw"));
    }

    [Fact]
    public async Task Tls_that_cannot_be_is_said_in_one_line()
    {
        await using var world = new World();
        var (certificate, key) = Certificates(world);
        var nowhere = world.PathOf("nowhere.pem");
        await AssertRefusedAsync(2, "--nbd-tls-key", "--nbd", "127.0.0.1:0", "--nbd-tls-certificate", certificate);
        await AssertRefusedAsync(2, "--nbd-tls-certificate", "--nbd", "127.0.0.1:0", "--nbd-tls", "require");
        await AssertRefusedAsync(2, "none of require", "--nbd", "127.0.0.1:0", "--nbd-tls", "yes");
        await AssertRefusedAsync(2, "add --nbd", "--nbd-tls-certificate", certificate, "--nbd-tls-key", key);
        await AssertRefusedAsync(1, nowhere, "--nbd", "127.0.0.1:0", "--nbd-tls-certificate", nowhere, "--nbd-tls-key", key);
        await AssertRefusedAsync(1, "does not hold the key", "--nbd", "127.0.0.1:0", "--nbd-tls-certificate", certificate, "--nbd-tls-key", world.PathOf("client-key.pem"));
        await AssertRefusedAsync(2, "--insecure", "--nbd", "0.0.0.0:0", "--nbd-tls", "allow", "--nbd-tls-certificate", certificate, "--nbd-tls-key", key);
        Assert.False(Directory.Exists(world.PathOf("data")));

        async Task AssertRefusedAsync(int exitCode, string says, params string[] arguments)
        {
            var result = await Tool.RunAsync("dotnet", [Product.NodeDll, "--data", world.PathOf("data"), "--http", "127.0.0.1:0", .. arguments]);
            Assert.True(result.ExitCode == exitCode, $"{string.Join(' ', arguments)}: expected {exitCode}, got {result}");
            Assert.Contains(says, Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Beyond_loopback_required_tls_is_secure_enough()
    {
        await using var world = new World();
        var (certificate, key) = Certificates(world);
        var node = await world.StartNodeAsync("data", "--nbd", "0.0.0.0:0", "--nbd-tls-certificate", certificate, "--nbd-tls-key", key);
        Assert.Equal(0, await node.StopAsync());
    }

    /// <summary>An authority, a server and a client, under the names that GnuTLS users expect.</summary>
    private static (string Certificate, string Key) Certificates(World world)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using var authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(2));
        File.WriteAllText(world.PathOf("ca-cert.pem"), authority.ExportCertificatePem());
        Issue(world, authority, "client", "1.3.6.1.5.5.7.3.2");
        Issue(world, authority, "server", "1.3.6.1.5.5.7.3.1");
        return (world.PathOf("server-cert.pem"), world.PathOf("server-key.pem"));
    }

    private static void Issue(World world, X509Certificate2 authority, string name, string usage)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        using var certificate = request.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(world.PathOf($"{name}-cert.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(world.PathOf($"{name}-key.pem"), key.ExportPkcs8PrivateKeyPem());
    }
}
