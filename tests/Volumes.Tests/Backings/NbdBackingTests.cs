using System.Diagnostics;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Volumes.Tests.Backings;

/// <summary>Other people's NBD servers as backings, also when they go away in the middle.</summary>
public sealed class NbdBackingTests : IDisposable
{
    private const long SizeBytes = 16 * 1024 * 1024;

    private readonly string _directory = Directory.CreateTempSubdirectory("abk-nbd-").FullName;
    private Process? _server;

    private string Socket => Path.Combine(_directory, "s");

    private string Image => Path.Combine(_directory, "disk.raw");

    private string Uri => $"nbd+unix:///?socket={Socket}";

    public void Dispose()
    {
        KillServer();
        Directory.Delete(_directory, recursive: true);
    }

    [ProgramFact("nbdkit")]
    public async Task What_is_written_is_read_back_and_zeroes_are_holes()
    {
        await StartAsync("nbdkit", "memory", $"{SizeBytes}");
        using var backing = await OpenAsync();

        Assert.Equal(SizeBytes, backing.SizeBytes);
        Assert.Null(backing.ModifiedAt);
        Assert.Equal((SizeBytes, SizeBytes), backing.NextData(0, SizeBytes));
        backing.Write(1 << 20, Enumerable.Repeat((byte)7, 1 << 20).ToArray());
        backing.Sync();
        Assert.Equal((1 << 20, 2 << 20), backing.NextData(0, SizeBytes));
        Assert.Equal(7, ByteAt(backing, 1 << 20));
        backing.Punch(1 << 20, 512 * 1024);
        backing.Zero((1 << 20) + (512 * 1024), 1);
        Assert.Equal(0, ByteAt(backing, 1 << 20));
        Assert.Equal(0, ByteAt(backing, (1 << 20) + (512 * 1024)));
        Assert.Equal(7, ByteAt(backing, (1 << 20) + (512 * 1024) + 1));
    }

    [ProgramFact("qemu-nbd")]
    public async Task Qemu_nbd_serves_a_backing_over_several_connections()
    {
        using (var file = File.Create(Image))
        {
            file.SetLength(SizeBytes);
        }

        await StartAsync("qemu-nbd", "-t", "-e", "8", "-f", "raw", "-k", Socket, Image);
        using (var backing = await OpenAsync())
        {
            await Task.WhenAll(Enumerable.Range(0, 200).Select(i => backing.WriteAsync(i * 4096, Enumerable.Repeat((byte)i, 4096).ToArray()).AsTask()));
            backing.Sync();
        }

        Assert.All(Enumerable.Range(0, 200), i => Assert.Equal((byte)i, File.ReadAllBytes(Image)[i * 4096]));
    }

    [ProgramFact("nbdkit")]
    public async Task Requests_outlive_a_server_that_is_killed_and_started_again()
    {
        await StartFileServerAsync("--filter=delay", "rdelay=2ms", "wdelay=2ms");
        using var backing = await OpenAsync();
        var requests = Enumerable.Range(0, 400).Select(i => WriteAndReadAsync(backing, i)).ToArray();
        await Task.WhenAny(requests);
        KillServer();
        await StartFileServerAsync();
        await Task.WhenAll(requests);
        backing.Sync();

        var bytes = await File.ReadAllBytesAsync(Image);
        Assert.All(Enumerable.Range(0, 400), i => Assert.Equal(Pattern(i), bytes[i * 4096]));
    }

    [ProgramFact("nbdkit")]
    public async Task Rule_3_a_flush_after_a_lost_connection_covers_what_the_dead_server_had_accepted()
    {
        // A server of memory alone: when it dies, what it accepted is gone, as from the cache of a machine that lost power.
        await StartAsync("nbdkit", "memory", $"{SizeBytes}");
        using var backing = await OpenAsync();
        backing.Write(0, Enumerable.Repeat((byte)1, 4096).ToArray());
        backing.Write(4096, Enumerable.Repeat((byte)2, 4096).ToArray());
        backing.Write(4096, Enumerable.Repeat((byte)3, 4096).ToArray());
        backing.Punch(0, 512);
        KillServer();
        await StartAsync("nbdkit", "memory", $"{SizeBytes}");
        backing.Sync();

        Assert.Equal(0, ByteAt(backing, 0));
        Assert.Equal(1, ByteAt(backing, 512));
        Assert.Equal(3, ByteAt(backing, 4096));
    }

    [ProgramFact("nbdkit")]
    public async Task Rule_3_what_was_flushed_is_not_sent_again()
    {
        await StartAsync("nbdkit", "memory", $"{SizeBytes}");
        using var backing = await OpenAsync();
        backing.Write(0, Enumerable.Repeat((byte)1, 4096).ToArray());
        backing.Sync();
        KillServer();
        await StartAsync("nbdkit", "memory", $"{SizeBytes}");

        Assert.Equal(0, ByteAt(backing, 0));
    }

    [ProgramFact("nbdkit")]
    public async Task An_error_that_the_server_reports_is_an_error_and_not_repeated()
    {
        await StartAsync("nbdkit", "--filter=error", "memory", $"{SizeBytes}", "error-pwrite=ENOSPC", "error-pwrite-rate=100%", "error-pread=EIO", "error-pread-rate=100%");
        using var backing = await OpenAsync();

        Assert.Equal(Files.FileError.NoSpace, Assert.Throws<Files.FileLayerException>(() => backing.Write(0, new byte[512])).Error);
        Assert.Equal(Files.FileError.InputOutput, Assert.Throws<Files.FileLayerException>(() => ByteAt(backing, 0)).Error);
        backing.Sync();
    }

    [ProgramFact("nbdkit")]
    public async Task Rule_3_a_flush_that_the_server_failed_is_never_repeated_into_success()
    {
        var once = Path.Combine(_directory, "failed");
        await StartAsync(
            "nbdkit", "eval", $"get_size=echo {SizeBytes}", "pread=head -c $3 /dev/zero", "pwrite=cat >/dev/null", $"flush=[ -e {once} ] || {{ touch {once}; echo EIO >&2; exit 1; }}");
        using var backing = await OpenAsync();
        backing.Write(0, new byte[512]);

        Assert.Throws<Files.FileLayerException>(backing.Sync);
        Assert.True(File.Exists(once));
        Assert.Throws<Files.FileLayerException>(backing.Sync);
    }

    [ProgramFact("nbdkit")]
    public async Task A_server_that_comes_back_with_another_size_is_not_used()
    {
        await StartAsync("nbdkit", "memory", $"{SizeBytes}");
        using var backing = await OpenAsync(new ImpatientClock());
        KillServer();
        await StartAsync("nbdkit", "memory", $"{SizeBytes / 2}");

        Assert.Contains("another export", Assert.Throws<Files.FileLayerException>(() => ByteAt(backing, 0)).Message, StringComparison.Ordinal);
    }

    [ProgramFact("nbdkit")]
    public async Task A_server_without_flush_needs_the_operators_word_and_a_read_only_one_a_read_only_disk()
    {
        await StartAsync("nbdkit", "eval", $"get_size=echo {SizeBytes}", "pread=dd if=/dev/zero bs=1 count=$3 2>/dev/null", "pwrite=cat >/dev/null", "can_write=exit 0", "can_flush=exit 3", "can_multi_conn=exit 3");
        Assert.Contains("--assume-durable", (await Assert.ThrowsAsync<VolumeException>(() => OpenAsync())).Message, StringComparison.Ordinal);
        (await OpenAsync(readOnly: true)).Dispose();
        using (var trusted = await OpenAsync(assumeDurable: true))
        {
            trusted.Write(0, new byte[512]);
            trusted.Sync();
        }

        KillServer();
        await StartAsync("nbdkit", "-r", "memory", $"{SizeBytes}");
        Assert.Equal(VolumeError.PermissionDenied, (await Assert.ThrowsAsync<VolumeException>(() => OpenAsync())).Error);
        (await OpenAsync(readOnly: true)).Dispose();
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_said_to_be_away()
    {
        var refusal = await Assert.ThrowsAsync<VolumeException>(() => OpenAsync());
        Assert.Contains("cannot be opened", refusal.Message, StringComparison.Ordinal);
    }

    private static byte Pattern(int i) => (byte)((i % 250) + 1);

    private static byte ByteAt(IBacking backing, long offset)
    {
        var one = new byte[1];
        backing.Read(offset, one);
        return one[0];
    }

    private static async Task WriteAndReadAsync(IBacking backing, int i)
    {
        var data = Enumerable.Repeat(Pattern(i), 4096).ToArray();
        await backing.WriteAsync(i * 4096, data);
        var read = new byte[4096];
        await backing.ReadAsync(i * 4096, read);
        Assert.Equal(data, read);
    }

    private Task<IBacking> OpenAsync(TimeProvider? time = null, bool readOnly = false, bool assumeDurable = false) =>
        Backing.OpenAsync(Files.LinuxFileLayer.Instance, Uri, readOnly, assumeDurable, time ?? TimeProvider.System);

    private Task StartFileServerAsync(params string[] more)
    {
        if (!File.Exists(Image))
        {
            using var file = File.Create(Image);
            file.SetLength(SizeBytes);
        }

        return StartAsync("nbdkit", ["file", Image, .. more]);
    }

    private async Task StartAsync(string program, params string[] arguments)
    {
        File.Delete(Socket);
        _server = Program.Start(program, program == "nbdkit" ? ["-f", "-U", Socket, .. arguments] : arguments);
        while (!await AnswersAsync())
        {
            Assert.False(_server.HasExited, $"{program} ended with {(_server.HasExited ? _server.ExitCode : 0)}: {(_server.HasExited ? await _server.StandardError.ReadToEndAsync() : "")}");
            await Task.Delay(10);
        }
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await (await Nbd.Client.NbdClient.ConnectAsync(Uri)).DisposeAsync();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void KillServer()
    {
        if (_server is not null)
        {
            _server.Kill();
            _server.WaitForExit();
            _server.Dispose();
            _server = null;
        }
    }

    /// <summary>All patience is used up at once.</summary>
    private sealed class ImpatientClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Add(ref _now, 1000);
    }
}
