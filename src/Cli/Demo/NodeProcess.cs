using System.Diagnostics;

namespace ActorBackup.Cli.Demo;

/// <summary>A node as a child process, with a log of its own.</summary>
/// <param name="assembly">The node's program.</param>
/// <param name="directory">Where its data directory is.</param>
/// <param name="socket">Its NBD socket; stays the same over restarts, so that guests find it again.</param>
/// <param name="logPath">What it says on standard error.</param>
public sealed class NodeProcess(string assembly, string directory, string socket, string logPath) : IAsyncDisposable
{
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan EndedWithin = TimeSpan.FromSeconds(30);

    private readonly Lock _logLock = new();
    private Process? _process;

    public string LogPath { get; } = logPath;

    /// <summary>Starts the node and waits for its ready line.</summary>
    /// <returns>Where its API is.</returns>
    public async Task<Uri> StartAsync(CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(DotnetPath) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var arg in (string[])[assembly, "--data", Path.Combine(directory, DemoWorld.DataDirectory), "--http", "127.0.0.1:0", "--nbd-socket", socket])
        {
            start.ArgumentList.Add(arg);
        }

        // Nothing of the demo's node is to be found in the user's home.
        start.Environment["XDG_STATE_HOME"] = Path.Combine(directory, "state");
        _process?.Dispose();
        _process = Process.Start(start) ?? throw new DemoException("the node did not start");
        _process.ErrorDataReceived += (_, line) => Log(line.Data);
        _process.BeginErrorReadLine();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(ReadyWithin);
        try
        {
            return await ReadyAsync(_process, patience.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new DemoException($"the node said nothing for {ReadyWithin.TotalSeconds} s");
        }
    }

    /// <summary>kill -9: the process gets no chance to write anything more.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not { } process)
        {
            return;
        }

        if (!process.HasExited)
        {
            Signals.AskToEnd(process.Id);
            using var patience = new CancellationTokenSource(EndedWithin);
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
            }
        }

        process.Dispose();
    }

    /// <summary>This program is started by dotnet itself.</summary>
    private static string DotnetPath =>
        Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet";

    private async Task<Uri> ReadyAsync(Process process, CancellationToken cancellation)
    {
        while (await process.StandardOutput.ReadLineAsync(cancellation) is { } line)
        {
            Log(line);
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is ["ready", ..] && words.FirstOrDefault(w => w.StartsWith("http=", StringComparison.Ordinal)) is { } http)
            {
                return new Uri(http["http=".Length..]);
            }
        }

        await process.WaitForExitAsync(cancellation);
        throw new DemoException($"the node ended with exit code {process.ExitCode} before it was ready");
    }

    private void Log(string? line)
    {
        if (line is not null)
        {
            lock (_logLock)
            {
                File.AppendAllText(LogPath, line + Environment.NewLine);
            }
        }
    }
}
