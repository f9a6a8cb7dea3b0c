using ActorBackup.Cli;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>The command line inside this process: the shipped code without the start of a program, for what is asked very often.</summary>
internal static class CommandLine
{
    public static async Task<ToolResult> RunAsync(IReadOnlyDictionary<string, string> environment, string directory, params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        using var limit = new CancellationTokenSource(Patience.Limit);
        var exitCode = await Abk.RunAsync(arguments, new CliHost
        {
            Out = output,
            Error = error,
            WorkingDirectory = directory,
            Variable = name => environment.GetValueOrDefault(name),
            Interrupted = limit.Token,
        });
        return new ToolResult(exitCode, output.ToString(), error.ToString());
    }
}
