using System.CommandLine;
using ActorBackup.Api;

namespace ActorBackup.Cli;

/// <summary>An option with a fixed set of words.</summary>
public sealed class Choice
{
    private readonly string[] _words;

    public Choice(string name, string description, params string[] words)
    {
        _words = words;
        Option = new Option<string?>(name) { Description = description, HelpName = string.Join('|', words) };
        Option.CompletionSources.Add(words);
    }

    public Option<string?> Option { get; }

    /// <summary>The code under which an unknown word is refused.</summary>
    public string Code { get; init; } = ErrorCodes.InvalidArgument;

    /// <summary>Other spellings and the word that each stands for.</summary>
    public IReadOnlyDictionary<string, string> Aliases { get; init; } = new Dictionary<string, string>();

    /// <summary>The word itself, or the one that an alias stands for; null for null.</summary>
    public string? Check(string? given)
    {
        var word = given is not null && Aliases.TryGetValue(given, out var meant) ? meant : given;
        return word is null || _words.Contains(word)
            ? word
            : throw new CliException(Code, $"{Option.Name} '{given}' is unknown; use {string.Join(", ", _words[..^1])} or {_words[^1]}");
    }
}
