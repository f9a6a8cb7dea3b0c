using System.Diagnostics;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>QEMU's NBD client, which comes back by itself: writes patterns one after the other and reads each back, until it is told to stop.</summary>
internal sealed class QemuGuest : IAsyncDisposable
{
    private const int Blocks = 64;

    private readonly Process _process;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _working;

    private QemuGuest(Process process)
    {
        _process = process;
        _working = Task.Run(WorkAsync);
    }

    public int Writes { get; private set; }

    /// <summary>Of one write or read.</summary>
    public TimeSpan Slowest { get; private set; }

    /// <summary>Of the disk, from its beginning on.</summary>
    public long WrittenBytes => Math.Min(Writes, Blocks) * (long)Image.BlockBytes;

    public static QemuGuest Start(RunningNode node, string disk)
    {
        var start = new ProcessStartInfo(
            "qemu-io",
            ["--image-opts", $"driver=raw,file.driver=nbd,file.export={disk},file.server.type=unix,file.server.path={node.Socket},file.reconnect-delay=120"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new QemuGuest(Process.Start(start)!);
    }

    /// <summary>So many more writes, each of which was read back.</summary>
    public async Task AwaitWritesAsync(int more)
    {
        var until = Writes + more;
        await Patience.UntilAsync(() => Task.FromResult(_working.IsFaulted ? int.MaxValue : Writes), w => w >= until, "the guest's writes");
        if (_working.IsFaulted)
        {
            await _working;
        }
    }

    /// <summary>Throws what went wrong, if anything did.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _working.WaitAsync(Patience.Limit);
        await _process.StandardInput.WriteLineAsync("flush");
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().WaitAsync(Patience.Limit);
        Assert.Equal(0, _process.ExitCode);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        _stopping.Dispose();
    }

    private async Task WorkAsync()
    {
        for (; !_stopping.IsCancellationRequested; Writes++)
        {
            var place = $"-P {1 + (Writes % 255)} {Writes % Blocks * Image.BlockBytes} {Image.BlockBytes}";
            await AskAsync($"write {place}");
            await AskAsync($"read {place}");
        }
    }

    private async Task AskAsync(string command)
    {
        var watch = Stopwatch.StartNew();
        await _process.StandardInput.WriteLineAsync(command);
        string? line;
        do
        {
            line = await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience.Limit);
            Assert.False(line is null || line.Contains("rror", StringComparison.Ordinal) || line.Contains("ailed", StringComparison.Ordinal), $"{command}: {line}");
        }
        while (!line.Contains(" ops;", StringComparison.Ordinal));
        Slowest = watch.Elapsed > Slowest ? watch.Elapsed : Slowest;
    }
}
