using System.Collections.Concurrent;
using System.Diagnostics;

namespace ActorBackup.Volumes.Tests.Backings;

/// <summary>Other people's programs.</summary>
internal static class Program
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly BlockingCollection<Action> Starts = StartThread();

    public static bool IsInstalled(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Any(d => File.Exists(Path.Combine(d, name)));

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int ExitCode, string Printed)> RunAsync(string name, params string[] arguments)
    {
        using var process = Start(name, arguments);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Limit);
        return (process.ExitCode, await output + await error);
    }

    public static async Task SucceedAsync(string name, params string[] arguments)
    {
        var (exitCode, printed) = await RunAsync(name, arguments);
        Assert.True(exitCode == 0, $"{name} {string.Join(' ', arguments)}: exit code {exitCode}\n{printed}");
    }

    public static Process Start(string name, params string[] arguments)
    {
        var started = new TaskCompletionSource<Process>();
        Starts.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(
                    new ProcessStartInfo(name, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!);
            }
            catch (System.ComponentModel.Win32Exception e)
            {
                started.SetException(e);
            }
        });
        return started.Task.GetAwaiter().GetResult();
    }

    /// <summary>A server that asked to be ended with its parent (PR_SET_PDEATHSIG) ends with the thread that started it: this one stays.</summary>
    private static BlockingCollection<Action> StartThread()
    {
        var starts = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var start in starts.GetConsumingEnumerable())
            {
                start();
            }
        })
        { IsBackground = true, Name = "starts programs" }.Start();
        return starts;
    }
}

/// <summary>Skipped, with the reason, where a program is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ProgramFactAttribute : FactAttribute
{
    public ProgramFactAttribute(params string[] programs)
    {
        if (programs.FirstOrDefault(p => !Program.IsInstalled(p)) is { } missing)
        {
            Skip = $"{missing} is not installed ('./test --install' installs it)";
        }
    }
}
