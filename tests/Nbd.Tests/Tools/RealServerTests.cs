using System.Diagnostics;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tools;

/// <summary>Our client against somebody else's server.</summary>
public sealed class RealServerTests : IDisposable
{
    private const int SizeBytes = 4 * 1024 * 1024;

    private readonly TempDirectory _files = new();
    private Process? _server;

    public void Dispose()
    {
        if (_server is not null)
        {
            _server.Kill(entireProcessTree: true);
            _server.WaitForExit();
            _server.Dispose();
        }

        _files.Dispose();
    }

    [ToolTheory("nbdkit")]
    [InlineData("")]
    [InlineData("--filter=noextents")]
    [InlineData("--filter=nozero")]
    [InlineData("--filter=fua fuamode=emulate")]
    [InlineData("--filter=blocksize-policy blocksize-minimum=512 blocksize-maximum=64k blocksize-preferred=4k")]
    public async Task Nbdkit_keeps_what_we_write(string filter)
    {
        var (filters, settings) = (filter.Split(' ')[0], filter.Split(' ')[1..]);
        await StartAsync("nbdkit", ["-f", "-U", Socket, "-P", _files.File("pid"), .. filters.Length > 0 ? [filters] : Array.Empty<string>(), "memory", "4M", .. settings]);
        await ExerciseAsync(NbdUri.Unix(Socket, ""), hasHoles: !filter.Contains("noextents", StringComparison.Ordinal));
    }

    [ToolFact("nbdkit")]
    public async Task Nbdkit_reports_errors_that_we_understand()
    {
        await StartAsync("nbdkit", ["-f", "-U", Socket, "-P", _files.File("pid"), "--filter=error", "memory", "4M", "error-pwrite=ENOSPC", "error-pwrite-rate=100%"]);
        await using var client = await NbdClient.ConnectAsync(NbdUri.Unix(Socket, "")).InTime();
        var e = await Assert.ThrowsAsync<BlockDeviceException>(() => client.WriteAsync(0, new byte[512], false, default).InTime());
        Assert.Equal(BlockDeviceError.NoSpace, e.Error);
        await client.ReadAsync(0, new byte[512], default).InTime();
    }

    [ToolFact("qemu-nbd")]
    public async Task Qemu_nbd_keeps_what_we_write()
    {
        await File.WriteAllBytesAsync(_files.File("image"), new byte[SizeBytes]);
        await StartAsync("qemu-nbd", ["-t", "-f", "raw", "--discard=unmap", "-x", "a name", "-k", Socket, "--pid-file", _files.File("pid"), _files.File("image")]);
        await ExerciseAsync(NbdUri.Unix(Socket, "a name"), hasHoles: true);
        var e = await Assert.ThrowsAsync<NbdRefusedException>(() => NbdClient.ConnectAsync(NbdUri.Unix(Socket, "another")).InTime());
        Assert.Contains("another", e.Message, StringComparison.Ordinal);
    }

    private string Socket => _files.File("s");

    [ToolFact("nbdkit")]
    public async Task Nbdkit_keeps_what_we_write_over_tls()
    {
        using var authority = new Authority();
        await StartAsync(
            "nbdkit",
            ["-f", "-U", Socket, "-P", _files.File("pid"), "--tls=require", $"--tls-certificates={authority.Directory}", "--tls-verify-peer", "memory", "4M"]);
        var uri = NbdUri.Unix(Socket, "", isSecure: true);
        await ExerciseAsync(uri, hasHoles: true, authority.Client("client"));
        await Assert.ThrowsAnyAsync<IOException>(() => NbdClient.ConnectAsync(uri, authority.Client()).InTime());
        var e = await Assert.ThrowsAsync<NbdRefusedException>(() => NbdClient.ConnectAsync(uri, authority.Client("client").WithServerName("elsewhere")).InTime());
        Assert.Contains("another name", e.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<NbdRefusedException>(() => NbdClient.ConnectAsync(NbdUri.Unix(Socket, "")).InTime());
    }

    [ToolFact("nbdkit")]
    public async Task Nbdkit_without_tls_gets_nothing_of_ours()
    {
        using var authority = new Authority();
        await StartAsync("nbdkit", ["-f", "-U", Socket, "-P", _files.File("pid"), "--tls=off", "memory", "4M"]);
        await Assert.ThrowsAsync<NbdRefusedException>(() => NbdClient.ConnectAsync(NbdUri.Unix(Socket, "", isSecure: true), authority.Client("client")).InTime());
    }

    [ToolFact("qemu-nbd")]
    public async Task Qemu_nbd_keeps_what_we_write_over_tls()
    {
        using var authority = new Authority();
        await File.WriteAllBytesAsync(_files.File("image"), new byte[SizeBytes]);
        await StartAsync(
            "qemu-nbd",
            ["-t", "-f", "raw", "--discard=unmap", "-x", "a name", "-k", Socket, "--pid-file", _files.File("pid"),
                "--object", $"tls-creds-x509,id=t,endpoint=server,dir={authority.Directory},verify-peer=yes", "--tls-creds", "t", _files.File("image")]);
        var uri = NbdUri.Unix(Socket, "a name", isSecure: true);
        await ExerciseAsync(uri, hasHoles: true, authority.Client("client"));
        await Assert.ThrowsAnyAsync<IOException>(() => NbdClient.ConnectAsync(uri, authority.Client()).InTime());
    }

    private static async Task ExerciseAsync(NbdUri uri, bool hasHoles, ClientTls? tls = null)
    {
        await using var client = await NbdClient.ConnectAsync(uri, tls ?? ClientTls.Default).InTime();
        Assert.Equal(SizeBytes, client.SizeBytes);
        var shadow = new byte[SizeBytes];
        new Random(8).NextBytes(shadow.AsSpan(0, 1 << 20));
        await client.WriteAsync(0, shadow.AsMemory(0, 1 << 20), true, default).InTime();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            var part = shadow.AsMemory((2 << 20) + (i * 4096), 4096);
            part.Span.Fill((byte)i);
            await client.WriteAsync((2 << 20) + (i * 4096), part, false, default);
        })).InTime();
        shadow.AsSpan(65536, 65536).Clear();
        await client.WriteZeroesAsync(65536, 65536, ZeroOptions.ForceUnitAccess | ZeroOptions.NoHole, default).InTime();
        shadow.AsSpan(262144, 131072).Clear();
        await client.TrimAsync(262144, 131072, true, default).InTime();
        await client.FlushAsync(default).InTime();

        var back = new byte[SizeBytes];
        await client.ReadAsync(0, back, default).InTime();
        Assert.True(back.AsSpan().SequenceEqual(shadow));
        await ExpectAllocationAsync(client, shadow, hasHoles);
    }

    private static async Task ExpectAllocationAsync(NbdClient client, byte[] shadow, bool hasHoles)
    {
        var runs = new AllocationRun[8];
        var sawZeroes = false;
        for (long offset = 0; offset < SizeBytes;)
        {
            var count = await client.QueryAllocationAsync(offset, SizeBytes - offset, runs, default).InTime();
            foreach (var run in runs[..count])
            {
                sawZeroes |= run.ReadsAsZero;
                Assert.False(run.ReadsAsZero && shadow.AsSpan((int)offset, (int)run.Length).ContainsAnyExcept((byte)0));
                offset += run.Length;
            }
        }

        Assert.Equal(hasHoles, sawZeroes);
    }

    /// <summary>Both servers write their process id when clients may come.</summary>
    /// <remarks>A shell is their parent: nbdkit ends with the thread that started it, and the threads of tests come and go.</remarks>
    private async Task StartAsync(string tool, string[] arguments)
    {
        _server = Process.Start(new ProcessStartInfo("sh", ["-c", "\"$@\" & wait $!", "sh", tool, .. arguments]) { RedirectStandardError = true })!;
        await Patience.UntilAsync(() => new FileInfo(_files.File("pid")) is { Exists: true, Length: > 0 } || _server.HasExited);
        Assert.False(_server.HasExited, _server.HasExited ? $"{tool} ended with {_server.ExitCode}: {await _server.StandardError.ReadToEndAsync()}" : "");
    }
}
