using System.CommandLine;
using System.CommandLine.Parsing;
using ActorBackup.Api;

namespace ActorBackup.Cli;

/// <summary>A command line that does not parse, as one line with the nearest right word.</summary>
public static class UsageError
{
    public static CliException Of(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var path = PathOf(parsed);
        var what = parsed.UnmatchedTokens.Count > 0 ? Unknown(command, parsed.UnmatchedTokens[0])
            : command.Subcommands.Count > 0 && command.Action is null ? $"a command is missing: {string.Join(", ", NamesOf(command))}"
            : parsed.Errors[0].Message.TrimEnd('.');
        return new CliException(ErrorCodes.InvalidArgument, $"{what}; see '{path} --help'".ReplaceLineEndings(" "));
    }

    /// <summary>Refuses flags that the library takes for something else: an unknown one for a name, a known one for the value of the flag before it.</summary>
    /// <remarks>What comes after <c>--</c> is no flag.</remarks>
    public static void ThrowIfMistaken(ParseResult parsed)
    {
        if (parsed.Action is TeachingHelp)
        {
            return;
        }

        var command = parsed.CommandResult.Command;
        var plain = parsed.Tokens.SkipWhile(t => t.Type != TokenType.DoubleDash).Select(t => t.Value).ToHashSet();
        var unknown = parsed.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(a => a.Tokens)
            .FirstOrDefault(t => t.Value.Length > 1 && t.Value.StartsWith('-') && !plain.Contains(t.Value));
        if (unknown is not null)
        {
            throw new CliException(ErrorCodes.InvalidArgument, $"{Unknown(command, unknown.Value)}; see '{PathOf(parsed)} --help'");
        }

        var known = command.Options.Concat(AncestorOptions(command)).SelectMany(o => o.Aliases.Append(o.Name)).ToHashSet();
        var hungry = parsed.CommandResult.Children.OfType<OptionResult>().FirstOrDefault(o => o.Tokens.Any(t => known.Contains(t.Value)));
        if (hungry is not null)
        {
            throw new CliException(ErrorCodes.InvalidArgument, $"{hungry.Option.Name} needs a value, and '{hungry.Tokens[0].Value}' is a flag; see '{PathOf(parsed)} --help'");
        }
    }

    private static string Unknown(Command command, string token)
    {
        var isFlag = token.StartsWith('-');
        var kind = isFlag ? "flag" : command.Subcommands.Count > 0 ? "command" : "argument";
        var known = isFlag
            ? command.Options.Concat(AncestorOptions(command)).Where(o => !o.Hidden).Select(o => o.Name)
            : NamesOf(command);
        var farthestTypo = token.Length < 5 ? 1 : 2;
        var nearest = known.Select(name => (name, distance: Distance(token, name)))
            .Where(x => x.distance <= farthestTypo)
            .OrderBy(x => x.distance)
            .Select(x => x.name)
            .FirstOrDefault();
        return nearest is null ? $"unknown {kind} '{token}'" : $"unknown {kind} '{token}', did you mean '{nearest}'?";
    }

    private static IEnumerable<string> NamesOf(Command command) => command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name);

    private static IEnumerable<Option> AncestorOptions(Command command) =>
        command.Parents.OfType<Command>().SelectMany(p => p.Options.Where(o => o.Recursive).Concat(AncestorOptions(p)));

    private static string PathOf(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (Command? c = parsed.CommandResult.Command; c is not null and not RootCommand; c = c.Parents.OfType<Command>().FirstOrDefault())
        {
            names.Push(c.Name);
        }

        return string.Join(' ', names.Prepend("abk"));
    }

    /// <summary>Levenshtein distance, one row at a time.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
