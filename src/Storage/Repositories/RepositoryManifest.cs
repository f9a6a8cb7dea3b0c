using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Sealed;

namespace ActorBackup.Storage.Repositories;

/// <summary>What makes a directory a repository: the object <c>repository</c>.</summary>
/// <param name="Id">For ever; how journals name the repository, whatever it is called.</param>
/// <param name="CreatedAt">When.</param>
public sealed record RepositoryManifest(string Id, DateTimeOffset CreatedAt)
{
    public const string Key = "repository";
    public const uint Version = 1;

    private const string DigestAlgorithm = "sha256";

    private static ReadOnlySpan<byte> Magic => "ABKREPO\0"u8;

    /// <summary>Makes the directory, which must be absent or empty, and its manifest. What a creation left that died half-way is no hindrance.</summary>
    /// <exception cref="StorageException">Says why not.</exception>
    public static async Task<RepositoryManifest> CreateAsync(IFileLayer files, string url, TimeProvider clock, CancellationToken cancellation)
    {
        var path = StoreUrl.Parse(url).Path;
        MakeDirectory(files, path, url);
        using var store = new FileObjectStore(files, path, url);
        var now = clock.GetUtcNow();
        var manifest = new RepositoryManifest(SortableId.Create(now, RandomNumberGenerator.GetBytes(10)), now);
        return await store.PutIfAbsentAsync(Key, manifest.Encode(), cancellation).ConfigureAwait(false) ? manifest : throw Exists(url);
    }

    /// <exception cref="StorageException">Nothing there, something else there, of a newer version, damaged.</exception>
    public static async Task<RepositoryManifest> ReadAsync(IObjectStore store, CancellationToken cancellation) =>
        await store.TryGetAsync(Key, SealedObject.MaxBytes, cancellation).ConfigureAwait(false) is { } bytes
            ? Decode(bytes, store.Url)
            : throw new StorageException(StorageError.NotARepository, $"{store.Url} is not a repository; create one there with 'abk repo create NAME {store.Url}'");

    /// <summary>The objects of the repository at the URL.</summary>
    /// <exception cref="StorageException">There is no directory.</exception>
    public static IObjectStore OpenStore(IFileLayer files, string url)
    {
        var path = StoreUrl.Parse(url).Path;
        return files.KindOf(path) switch
        {
            FileKind.Directory => new FileObjectStore(files, path, url, Key),
            FileKind.Missing => throw new StorageException(StorageError.Missing, $"{path} does not exist; check the path, or mount what should be there"),
            _ => throw new StorageException(StorageError.NotARepository, $"{path} is a file, not a directory"),
        };
    }

    internal byte[] Encode()
    {
        var document = new ManifestDocument(Id, CreatedAt.ToUnixTimeMilliseconds(), DigestAlgorithm, null);
        return SealedObject.Seal(Magic, Version, JsonSerializer.SerializeToUtf8Bytes(document, ManifestJson.Default.ManifestDocument));
    }

    internal static RepositoryManifest Decode(byte[] bytes, string url)
    {
        var what = $"the manifest of {url}";
        var payload = SealedObject.Open(bytes, Magic, Version, what);
        try
        {
            var document = JsonSerializer.Deserialize(payload.Span, ManifestJson.Default.ManifestDocument);
            if (document is null || !SortableId.IsValid(document.Id))
            {
                throw new StorageException(StorageError.Damaged, $"{what} is damaged: it has no id");
            }

            return document.Digest == DigestAlgorithm && document.Encryption is null
                ? new RepositoryManifest(document.Id, DateTimeOffset.FromUnixTimeMilliseconds(document.CreatedAtUnixMs))
                : throw new StorageException(StorageError.UnknownVersion, $"{url} uses digest '{document.Digest}' or encryption '{document.Encryption}', which this version does not know; upgrade");
        }
        catch (JsonException e)
        {
            throw new StorageException(StorageError.Damaged, $"{what} is damaged: {e.Message}", e);
        }
    }

    private static void MakeDirectory(IFileLayer files, string path, string url)
    {
        try
        {
            switch (files.KindOf(path))
            {
                case FileKind.Directory when files.KindOf(Path.Combine(path, Key)) == FileKind.File:
                    throw Exists(url);
                case FileKind.Directory when files.List(path).Any(p => Path.GetFileName(p) != FileObjectStore.TemporaryDirectory):
                    throw new StorageException(StorageError.NotARepository, $"{path} is not empty and not a repository; choose an empty or a new directory");
                case FileKind.Directory:
                    break;
                case FileKind.Missing:
                    files.CreateDirectory(path);
                    files.SyncDirectory(Path.GetDirectoryName(path)!);
                    break;
                default:
                    throw new StorageException(StorageError.NotARepository, $"{path} is a file, not a directory; choose another path");
            }
        }
        catch (FileLayerException e)
        {
            var error = e.Error is FileError.PermissionDenied or FileError.ReadOnly ? StorageError.PermissionDenied
                : e.Error == FileError.NoSpace ? StorageError.NoSpace
                : StorageError.InputOutput;
            throw new StorageException(error, $"{path} cannot be made a repository: {e.Message}", e);
        }
    }

    private static StorageException Exists(string url) =>
        new(StorageError.Exists, $"{url} is a repository already; attach it with 'abk repo attach NAME {url}'");
}

/// <summary>The manifest's payload.</summary>
internal sealed record ManifestDocument(string Id, long CreatedAtUnixMs, string Digest, string? Encryption);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ManifestDocument))]
internal sealed partial class ManifestJson : JsonSerializerContext;
