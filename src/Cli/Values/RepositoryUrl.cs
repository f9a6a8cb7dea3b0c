namespace ActorBackup.Cli.Values;

/// <summary>Where a repository lies. A plain path and <c>file:</c> with a relative path are made absolute here, because the node opens them.</summary>
public static class RepositoryUrl
{
    private const string FileScheme = "file:";

    /// <example><c>backups</c> in /srv gives <c>file:///srv/backups</c>; <c>s3://bucket/prefix</c> stays.</example>
    public static string Absolute(string url, string workingDirectory)
    {
        if (url.StartsWith(FileScheme, StringComparison.OrdinalIgnoreCase))
        {
            var path = url[FileScheme.Length..];
            return Of(path.StartsWith("//", StringComparison.Ordinal) ? path[2..] : path, workingDirectory);
        }

        return HasScheme(url) ? url : Of(url, workingDirectory);
    }

    private static string Of(string path, string workingDirectory) =>
        "file://" + Path.TrimEndingDirectorySeparator(Path.GetFullPath(path, workingDirectory));

    private static bool HasScheme(string url)
    {
        var colon = url.IndexOf(':', StringComparison.Ordinal);
        return colon > 1 && url[..colon].All(c => char.IsAsciiLetterOrDigit(c) || c == '+');
    }
}
