using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ActorBackup.Cli.Connection;

namespace ActorBackup.Cli.Demo;

/// <summary>Runs abk's own command lines in this process, so that what the demo shows is what it does.</summary>
public sealed class DemoShell(CliHost outer, DemoReport report, string directory)
{
    /// <summary>Of the node that runs now.</summary>
    public Uri? Endpoint { get; set; }

    /// <summary>Shows the command line, runs it and reads its last line of JSON.</summary>
    /// <exception cref="DemoException">It did not exit as expected.</exception>
    public async Task<T> RunAsync<T>(JsonTypeInfo<T> type, int expectedExit, params string[] args)
    {
        report.Command("./abk " + string.Join(' ', args.Select(Quoted)));
        return await AskAsync(type, expectedExit, args);
    }

    /// <summary>Without showing it.</summary>
    public async Task<T> AskAsync<T>(JsonTypeInfo<T> type, int expectedExit, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exit = await Abk.RunAsync([.. args, "-o", "json"], HostOf(output, error));
        outer.Interrupted.ThrowIfCancellationRequested();
        var last = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault();
        if (exit != expectedExit || last is null)
        {
            throw new DemoException($"'abk {string.Join(' ', args)}' exited with {exit} instead of {expectedExit}: {FirstLine(error)}{(last is null ? "" : $" {last}")}");
        }

        return JsonSerializer.Deserialize(last, type) ?? throw new DemoException($"'abk {string.Join(' ', args)}' printed nothing");
    }

    private static string FirstLine(StringWriter error) => error.ToString().Split('\n')[0];

    private static string Quoted(string arg) => arg.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:@=".Contains(c)) ? arg : $"'{arg}'";

    private CliHost HostOf(TextWriter output, TextWriter error) => new()
    {
        Out = output,
        Error = error,
        WorkingDirectory = directory,
        Clock = outer.Clock,
        Interrupted = outer.Interrupted,
        Variable = name => name switch
        {
            NodeEndpoint.Variable => Endpoint?.ToString(),
            "ACTORBACKUP_DATA" => Path.Combine(directory, DemoWorld.DataDirectory),
            _ => null,
        },
    };
}
