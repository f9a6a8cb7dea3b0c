namespace ActorBackup.Storage.Objects;

/// <summary>Where a repository is: <c>file:/absolute/path</c>, <c>file:///absolute/path</c>, or a plain absolute path.</summary>
/// <param name="Path">Absolute directory.</param>
public readonly record struct StoreUrl(string Path)
{
    private const string FileScheme = "file:";

    /// <exception cref="StorageException">Not a URL of a kind that is supported.</exception>
    public static StoreUrl Parse(string url)
    {
        var path = url.StartsWith(FileScheme, StringComparison.Ordinal) ? PathOf(url[FileScheme.Length..]) : url;
        return path.StartsWith('/') && !path.Contains('\0', StringComparison.Ordinal)
            ? new StoreUrl(System.IO.Path.GetFullPath(path))
            : throw new StorageException(
                StorageError.Invalid,
                $"'{url}' is not a repository URL: use file:/absolute/path (s3: and azblob: are not available yet)");
    }

    private static string PathOf(string rest) => rest.StartsWith("///", StringComparison.Ordinal) ? rest[2..] : rest;
}
