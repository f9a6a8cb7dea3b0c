using System.CommandLine;
using System.CommandLine.Invocation;

namespace ActorBackup.Cli;

/// <summary>The library's help page and below it the command's examples.</summary>
public sealed class TeachingHelp(SynchronousCommandLineAction page) : SynchronousCommandLineAction
{
    private static readonly string[] FirstBackup =
    [
        "abk node run --data /var/lib/actorbackup          a node; the other commands talk to it",
        "abk repo create main /srv/backups --default       where backups go",
        "abk disk add db --file /var/lib/vm/db.raw         protect a disk",
        "abk disk show db                                  how the guest attaches it",
        "abk backup db --wait                              all of it the first time, then what changed",
        "abk point restore db@latest --to db.raw --wait    and back",
    ];

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var output = parseResult.InvocationConfiguration.Output;
        var text = new StringWriter { NewLine = output.NewLine };
        parseResult.InvocationConfiguration.Output = text;
        var result = page.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output = output;

        // The library calls the program by its assembly; people start it as abk.
        output.Write(text.ToString().Replace(RootCommand.ExecutableName, "abk", StringComparison.Ordinal));
        if (ExamplesOf(parseResult.CommandResult.Command) is { Count: > 0 } examples)
        {
            output.WriteLine("Examples:");
            foreach (var example in examples)
            {
                output.WriteLine($"  {example}");
            }

            output.WriteLine();
        }

        return result;
    }

    /// <summary>Of a command that does something its own, of a group the first of each member, of the program the way to a first backup.</summary>
    private static IReadOnlyList<string> ExamplesOf(Command command) =>
        command switch
        {
            Verb verb => verb.Examples,
            RootCommand => FirstBackup,
            _ => [.. command.Subcommands.OfType<Verb>().SelectMany(v => v.Examples.Take(1))],
        };
}
