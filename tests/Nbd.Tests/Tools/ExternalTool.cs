using System.Diagnostics;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Tools;

/// <summary>Runs somebody else's NBD client.</summary>
internal static class ExternalTool
{
    /// <summary>Null when the tool is there.</summary>
    public static string? ReasonToSkip(string tool) => IsInstalled(tool) ? null : $"{tool} is not installed: apt-get install {PackageOf(tool)}";

    private static string PackageOf(string tool) =>
        tool switch
        {
            "qemu-io" or "qemu-img" or "qemu-nbd" => "qemu-utils",
            "nbdinfo" or "nbdcopy" or "nbdsh" => "libnbd-bin",
            _ => tool,
        };

    private static bool IsInstalled(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, tool)));

    /// <summary>What the tool wrote to both outputs, whatever its exit code.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().InTime();
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, await output + await errors);
    }

    /// <summary>What the tool wrote; fails the test unless it exits with 0.</summary>
    public static async Task<string> SucceedAsync(string tool, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(tool, arguments);
        Assert.True(exitCode == 0, $"{tool} {string.Join(' ', arguments)} ended with {exitCode}: {output}");
        return output;
    }
}
