using System.Buffers;

namespace ActorBackup.Core.Identity;

/// <summary>The rule for names that people give to disks and repositories.</summary>
public static class ObjectName
{
    public const int MaxLength = 63;

    public const string Rule = "a name is 1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit";

    private static readonly SearchValues<char> Allowed = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= MaxLength }
        && (char.IsAsciiLetterLower(name[0]) || char.IsAsciiDigit(name[0]))
        && !name.AsSpan().ContainsAnyExcept(Allowed);
}
