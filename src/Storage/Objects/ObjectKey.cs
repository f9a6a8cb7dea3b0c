namespace ActorBackup.Storage.Objects;

/// <summary>What a key may look like: parts of [a-z0-9._-], not starting with a dot, joined by '/'.</summary>
public static class ObjectKey
{
    public static bool IsValid(string key) => key.Length is > 0 and <= 200 && key.Split('/').All(IsPart);

    private static bool IsPart(string part) =>
        part.Length > 0 && part[0] != '.' && part.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '_' or '-');
}
