using System.Globalization;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;
using static ActorBackup.Nbd.Tests.Tools.ExternalTool;

namespace ActorBackup.Nbd.Tests.Tools;

/// <summary>Somebody else's TLS clients against our server, which wants their certificates.</summary>
public sealed class TlsClientTests : IAsyncLifetime
{
    private const int SizeBytes = 8 * 1024 * 1024;

    private readonly Authority _authority = new();
    private readonly Authority _stranger = new("another authority");
    private readonly TempDirectory _files = new();
    private readonly MemoryDevice _device = new(SizeBytes);
    private readonly TestServer _server;

    public TlsClientTests()
    {
        _server = new TestServer(options => options with { Tls = _authority.Server(TlsMode.Require, wantsClients: true) });
        _server.Add("disk", _device, "a disk");
    }

    private string Port => _server.Server.TcpEndPoint!.Port.ToString(CultureInfo.InvariantCulture);

    public async Task InitializeAsync()
    {
        var content = new byte[3 << 20];
        new Random(1).NextBytes(content);
        await _device.WriteAsync(0, content, false, default);
        _device.Calls.Clear();
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _files.Dispose();
        _authority.Dispose();
        _stranger.Dispose();
        Assert.Empty(_server.Unexpected);
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_sees_a_protected_export()
    {
        var output = await SucceedAsync("nbdinfo", Libnbd(_authority));
        Assert.Contains("with TLS", output, StringComparison.Ordinal);
        Assert.Contains("a disk", output, StringComparison.Ordinal);
        Assert.Contains("disk", await SucceedAsync("nbdinfo", "--list", Libnbd(_authority, "")), StringComparison.Ordinal);
    }

    [ToolTheory("nbdcopy")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nbdcopy_copies_both_ways(bool isDeviceSlow)
    {
        _device.Before = isDeviceSlow ? async _ => await Task.Yield() : null;
        await SucceedAsync("nbdcopy", "--connections=3", "--requests=32", Libnbd(_authority), _files.File("out"));
        Assert.True(File.ReadAllBytes(_files.File("out")).AsSpan().SequenceEqual(_device.Content));

        var changed = _device.Content.ToArray();
        new Random(2).NextBytes(changed.AsSpan(1 << 20, 5 << 20));
        await File.WriteAllBytesAsync(_files.File("in"), changed);
        await SucceedAsync("nbdcopy", "--connections=3", "--requests=32", "--flush", _files.File("in"), Libnbd(_authority));
        Assert.True(changed.AsSpan().SequenceEqual(_device.Content));
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_without_tls_or_with_a_strangers_certificates_sees_nothing()
    {
        await ExpectRefusedAsync("nbdinfo", $"nbd://localhost:{Port}/disk");
        await ExpectRefusedAsync("nbdinfo", Libnbd(_stranger));

        // A stranger that has come by our authority's certificate believes the server, but is not believed.
        File.Copy(_authority.CertificatePath, _stranger.CertificatePath, overwrite: true);
        await ExpectRefusedAsync("nbdinfo", Libnbd(_stranger));
        File.Delete(_stranger.CertificateOf("client"));
        File.Delete(_stranger.KeyOf("client"));
        await ExpectRefusedAsync("nbdinfo", Libnbd(_stranger));
        Assert.Empty(_device.CallsSoFar);
    }

    [ToolFact("qemu-img")]
    public async Task Qemu_img_converts_both_ways_and_compares()
    {
        await SucceedAsync("qemu-img", ["convert", .. Qemu(_authority), "--image-opts", "-O", "raw", QemuDisk, _files.File("out")]);
        Assert.True(File.ReadAllBytes(_files.File("out")).AsSpan().SequenceEqual(_device.Content));

        var changed = _device.Content.ToArray();
        new Random(3).NextBytes(changed.AsSpan(2 << 20, 4 << 20));
        await File.WriteAllBytesAsync(_files.File("in"), changed);
        await SucceedAsync("qemu-img", ["convert", .. Qemu(_authority), "-n", "-W", "-m", "8", "--target-image-opts", "-f", "raw", _files.File("in"), QemuDisk]);
        Assert.True(changed.AsSpan().SequenceEqual(_device.Content));
    }

    [ToolFact("qemu-io")]
    public async Task Qemu_io_writes_and_reads_at_depth()
    {
        _device.Before = static async _ => await Task.Yield();
        string[] writes = [.. Enumerable.Range(0, 60).SelectMany(i => (string[])["-c", $"aio_write -P {i} {i * 100}k 100k"])];
        string[] reads = [.. Enumerable.Range(0, 60).SelectMany(i => (string[])["-c", $"aio_read -P {i} {i * 100}k 100k"])];
        var output = await SucceedAsync("qemu-io", [.. Qemu(_authority), "--image-opts", .. writes, "-c", "aio_flush", .. reads, "-c", "aio_flush", QemuDisk]);
        Assert.DoesNotContain("fail", output, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("error", output, StringComparison.OrdinalIgnoreCase);
    }

    [ToolFact("qemu-img")]
    public async Task Qemu_img_without_tls_or_with_a_strangers_certificates_sees_nothing()
    {
        await ExpectRefusedAsync("qemu-img", "info", $"nbd://localhost:{Port}/disk");
        await ExpectRefusedAsync("qemu-img", ["info", .. Qemu(_stranger), "--image-opts", QemuDisk]);
        File.Copy(_authority.CertificatePath, _stranger.CertificatePath, overwrite: true);
        await ExpectRefusedAsync("qemu-img", ["info", .. Qemu(_stranger), "--image-opts", QemuDisk]);
        Assert.Empty(_device.CallsSoFar);
    }

    private string QemuDisk => $"driver=nbd,host=localhost,port={Port},export=disk,tls-creds=t";

    private static string[] Qemu(Authority authority) => ["--object", $"tls-creds-x509,id=t,endpoint=client,dir={authority.Directory},verify-peer=yes"];

    private string Libnbd(Authority authority, string export = "disk") => $"nbds://localhost:{Port}/{export}?tls-certificates={authority.Directory}";

    private static async Task ExpectRefusedAsync(string tool, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(tool, arguments);
        Assert.True(exitCode != 0, output);
    }
}
