using System.CommandLine;
using System.Globalization;
using System.Text;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;

namespace ActorBackup.Cli.Output;

/// <summary>The manual page in roff, macros of man(7): every command and flag as it is defined, exit codes, error codes and variables.</summary>
public static class ManPage
{
    private static readonly (string Name, string Meaning)[] Variables =
    [
        (NodeEndpoint.Variable, "URL of the node, where --endpoint is not given"),
        ("ACTORBACKUP_TOKEN", "the node's token, where --token-file is not given"),
        ("ACTORBACKUP_TOKEN_FILE", "file with the token, where ACTORBACKUP_TOKEN is not set"),
        ("ACTORBACKUP_DATA", "data directory of a local node, whose token is taken where nothing above names one"),
        ("XDG_STATE_HOME", "where local nodes note their data directories; default ~/.local/state"),
    ];

    public static string Of(RootCommand root)
    {
        var page = new StringBuilder();
        page.Append($".TH ABK 1 \"\" \"ActorBackup {typeof(ManPage).Assembly.GetName().Version?.ToString(3)}\"\n");
        page.Append(".nh\n.ad l\n").Append(".SH NAME\n").Append($"abk \\- {Text(root.Description!)}\n");
        page.Append(".SH SYNOPSIS\n").Append("\\fBabk\\fR \\fICOMMAND\\fR [\\fIarguments\\fR] [\\fIoptions\\fR]\n");
        page.Append(".SH OPTIONS OF EVERY COMMAND\n");
        AddOptions(page, root.Options.Where(o => o.Recursive));
        page.Append(".SH COMMANDS\n");
        foreach (var (path, command) in VerbsOf(root, "abk"))
        {
            Add(page, path, command);
        }

        page.Append(".SH EXIT STATUS\n");
        foreach (var (code, meaning) in ExitText.All)
        {
            AddTagged(page, $"\\fB{code}\\fR", meaning.Replace("`", "'", StringComparison.Ordinal));
        }

        AddErrors(page);
        page.Append(".SH ENVIRONMENT\n");
        foreach (var (name, meaning) in Variables)
        {
            AddTagged(page, $"\\fB{Text(name)}\\fR", meaning);
        }

        return page.ToString();
    }

    /// <summary>The commands that do something, in the order of help, with the words that call them.</summary>
    public static IEnumerable<(string Path, Command Command)> VerbsOf(Command command, string path) =>
        command.Subcommands.Where(c => !c.Hidden).SelectMany(c => c.Subcommands.Count > 0 ? VerbsOf(c, $"{path} {c.Name}") : [($"{path} {c.Name}", c)]);

    /// <summary>Prints as it reads: hyphens stay hyphens for whoever copies, nothing is taken for a request, and everything is ASCII.</summary>
    public static string Text(string text)
    {
        var roff = new StringBuilder(text.Length + 16);
        if (text.StartsWith('.'))
        {
            roff.Append("\\&");
        }

        foreach (var rune in text.EnumerateRunes())
        {
            roff.Append(rune.Value switch
            {
                '\\' => "\\e",
                '-' => "\\-",
                '\'' => "\\(aq",
                '`' => "\\(ga",
                '"' => "\\(dq",
                '^' => "\\(ha",
                '~' => "\\(ti",
                < 128 => rune.ToString(),
                _ => $"\\[u{rune.Value.ToString("X4", CultureInfo.InvariantCulture)}]",
            });
        }

        return roff.ToString();
    }

    private static void Add(StringBuilder page, string path, Command command)
    {
        page.Append($".SS \"{Text(path)}\"\n");
        page.Append($"\\fB{Text(path)}\\fR");
        foreach (var argument in command.Arguments)
        {
            page.Append($" \\fI{Text(argument.Name)}\\fR{(argument.Arity.MaximumNumberOfValues > 1 ? "..." : "")}");
        }

        page.Append(command.Options.Any(o => !o.Hidden) ? " [\\fIoptions\\fR]\n" : "\n").Append($".PP\n{Text(command.Description!)}.\n");
        foreach (var argument in command.Arguments)
        {
            AddTagged(page, $"\\fI{Text(argument.Name)}\\fR", argument.Description!);
        }

        AddOptions(page, command.Options);
        if (command is Verb { Examples.Count: > 0 } verb)
        {
            page.Append(".PP\nExamples:\n.PP\n.RS 4\n.nf\n").AppendJoin('\n', verb.Examples.Select(Text)).Append("\n.fi\n.RE\n");
        }
    }

    private static void AddOptions(StringBuilder page, IEnumerable<Option> options)
    {
        foreach (var option in options.Where(o => !o.Hidden))
        {
            var names = option.Aliases.Prepend(option.Name).Distinct().Where(n => n.StartsWith('-')).OrderBy(n => n.Length);
            var value = option.HelpName is { } name ? $" \\fI{Text(name)}\\fR" : "";
            AddTagged(page, string.Join(", ", names.Select(n => $"\\fB{Text(n)}\\fR")) + value, option.Description!);
        }
    }

    private static void AddErrors(StringBuilder page)
    {
        page.Append(".SH ERRORS\n")
            .Append(Text("An error is one line on standard error: what, why, what to do. With -o json a second line has its code, which later versions keep:"))
            .Append('\n');
        foreach (var group in ErrorCodes.Table.GroupBy(c => c.Value.ExitCode, c => c.Key).OrderBy(g => g.Key))
        {
            AddTagged(page, $"exit status \\fB{group.Key}\\fR", string.Join(", ", group));
        }
    }

    private static void AddTagged(StringBuilder page, string tag, string text) => page.Append($".TP\n{tag}\n{Text(text)}\n");
}
