using System.Diagnostics;
using System.Text;
using System.Threading.Channels;

namespace ActorBackup.EndToEnd.Tests.Machines;

/// <summary>A virtual machine without hardware acceleration, driven over its serial line.</summary>
internal sealed class Machine : IAsyncDisposable
{
    // A whole system boots within, on a machine that is busy with other tests.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly StringBuilder _log = new();
    private int _asked;

    private Machine(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, e) => Take(e.Data);
        _process.ErrorDataReceived += (_, e) => Take(e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Everything on the console, and QEMU's own words.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <param name="workDirectory">For the archive that the kernel starts from.</param>
    /// <param name="drive">QEMU's <c>-blockdev</c> for the disk, with node name <c>disk</c>.</param>
    public static async Task<Machine> BootAsync(string workDirectory, string drive)
    {
        var first = Path.Combine(workDirectory, $"first-{Guid.NewGuid():n}.cpio");
        await File.WriteAllBytesAsync(first, MachineFiles.FirstFileSystem());
        var start = new ProcessStartInfo(
            "qemu-system-x86_64",
            [
                "-M", "pc", "-accel", "tcg", "-m", "192", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
                "-kernel", MachineFiles.Kernel, "-initrd", first, "-append", "console=ttyS0 panic=-1 quiet",
                "-blockdev", drive, "-device", "virtio-blk-pci,drive=disk",
            ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var machine = new Machine(Process.Start(start)!);
        await machine.AwaitAsync(l => l.Contains("machine: booted", StringComparison.Ordinal));
        return machine;
    }

    /// <summary>Starts a command; <see cref="EndOfAsync"/> waits for it. One after the other.</summary>
    public string Tell(string command)
    {
        var mark = $"answer {++_asked}:";

        // Split in the command, so that its echo is not taken for the answer.
        _process.StandardInput.Write($"R=\"$({command})\"; echo \"ans\"\"wer {_asked}:\"$R\n");
        _process.StandardInput.Flush();
        return mark;
    }

    public async Task<string> EndOfAsync(string mark)
    {
        var line = await AwaitAsync(l => l.Contains(mark, StringComparison.Ordinal));
        return line[(line.IndexOf(mark, StringComparison.Ordinal) + mark.Length)..].Trim();
    }

    /// <summary>What the command printed, on one line.</summary>
    public Task<string> AskAsync(string command) => EndOfAsync(Tell(command));

    public async Task PowerOffAsync()
    {
        await _process.StandardInput.WriteAsync("$B sync; $B mount -o remount,ro /; $B poweroff -f\n");
        await _process.StandardInput.FlushAsync();
        await _process.WaitForExitAsync().WaitAsync(Limit);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_log)
        {
            _log.AppendLine(line);
        }

        _lines.Writer.TryWrite(line);
    }

    private async Task<string> AwaitAsync(Predicate<string> isIt)
    {
        using var patience = new CancellationTokenSource(Limit);
        try
        {
            while (true)
            {
                var line = await _lines.Reader.ReadAsync(patience.Token);
                if (isIt(line))
                {
                    return line;
                }
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The machine did not say what was awaited. It said:\n{Log}");
        }
    }
}
