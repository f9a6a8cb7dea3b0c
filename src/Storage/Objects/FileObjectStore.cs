using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using ActorBackup.Files;

namespace ActorBackup.Storage.Objects;

/// <summary>Objects as files below a directory. An object appears under its name by link(2), whole and durable (rule 25).</summary>
public sealed class FileObjectStore : IObjectStore
{
    private const string TemporaryDirectory = "tmp";

    private readonly IFileLayer _files;
    private readonly string _root;
    private readonly ConcurrentDictionary<string, bool> _directories = new(StringComparer.Ordinal);

    public FileObjectStore(IFileLayer files, string rootDirectory, string url)
    {
        (_files, _root, Url) = (files, rootDirectory, url);
    }

    public string Url { get; }

    public Task<bool> PutIfAbsentAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        Task.Run(() => Guard(() => Put(key, content.Span), $"object {key} cannot be stored"), cancellation);

    public Task<byte[]?> TryGetAsync(string key, int maxBytes, CancellationToken cancellation) =>
        Task.FromResult(Guard(() => Get(key, maxBytes), $"object {key} cannot be read"));

    public Task ReadAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        Guard(
            () =>
            {
                using var file = _files.Open(PathOf(key), FileOpening.ReadOnly);
                return file.Read(offset, buffer.Span) == buffer.Length
                    ? true
                    : throw new StorageException(StorageError.Damaged, $"object {key} of {Url} is shorter than it was written");
            },
            $"object {key} cannot be read");
        return Task.CompletedTask;
    }

    public Task<long?> TryGetLengthAsync(string key, CancellationToken cancellation) =>
        Task.FromResult(Guard<long?>(
            () =>
            {
                if (_files.KindOf(PathOf(key)) != FileKind.File)
                {
                    EnsureRoot();
                    return null;
                }

                using var file = _files.Open(PathOf(key), FileOpening.ReadOnly);
                return file.Length;
            },
            $"object {key} cannot be examined"));

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        Guard(() => EnsureRoot(), "the repository cannot be listed");
        var slash = prefix.LastIndexOf('/');
        var pending = new Stack<string>();
        pending.Push(slash < 0 ? "" : prefix[..slash]);
        while (pending.TryPop(out var directory))
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var path in Guard(() => Entries(directory), "the repository cannot be listed"))
            {
                var key = directory.Length == 0 ? Path.GetFileName(path) : $"{directory}/{Path.GetFileName(path)}";
                if (key == TemporaryDirectory || !(key.StartsWith(prefix, StringComparison.Ordinal) || prefix.StartsWith(key, StringComparison.Ordinal)))
                {
                    continue;
                }

                if (Guard(() => _files.KindOf(path), "the repository cannot be listed") == FileKind.Directory)
                {
                    pending.Push(key);
                }
                else if (key.StartsWith(prefix, StringComparison.Ordinal) && await TryGetLengthAsync(key, cancellation).ConfigureAwait(false) is { } length)
                {
                    yield return new StoredObject(key, length);
                }
            }
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellation)
    {
        Guard(
            () =>
            {
                EnsureRoot();
                var path = PathOf(key);
                if (_files.KindOf(path) != FileKind.Missing)
                {
                    _files.Delete(path);
                    _files.SyncDirectory(Path.GetDirectoryName(path)!);
                }

                return true;
            },
            $"object {key} cannot be deleted");
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        // Nothing is open between calls.
    }

    private bool Put(string key, ReadOnlySpan<byte> content)
    {
        EnsureRoot();
        var path = PathOf(key);
        var temporary = Path.Combine(_root, TemporaryDirectory, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        EnsureDirectory(Path.GetDirectoryName(temporary)!);
        EnsureDirectory(Path.GetDirectoryName(path)!);
        try
        {
            using (var file = _files.Open(temporary, FileOpening.CreateNew))
            {
                file.Write(0, content);
                file.Sync();
            }

            _files.Link(temporary, path);
        }
        catch (FileLayerException e) when (e.Error == FileError.Exists)
        {
            // Durable, too: whoever was first may have died between link and sync.
            _files.SyncDirectory(Path.GetDirectoryName(path)!);
            return false;
        }
        finally
        {
            TryDelete(temporary);
        }

        _files.SyncDirectory(Path.GetDirectoryName(path)!);
        return true;
    }

    private byte[]? Get(string key, int maxBytes)
    {
        var path = PathOf(key);
        if (_files.KindOf(path) == FileKind.Missing)
        {
            EnsureRoot();
            return null;
        }

        using var file = _files.Open(path, FileOpening.ReadOnly);
        if (file.Length > maxBytes)
        {
            throw new StorageException(StorageError.Damaged, $"object {key} of {Url} has {file.Length} bytes; at most {maxBytes} are possible");
        }

        var bytes = new byte[file.Length];
        return file.Read(0, bytes) == bytes.Length
            ? bytes
            : throw new StorageException(StorageError.Damaged, $"object {key} of {Url} changed while it was read");
    }

    private IReadOnlyList<string> Entries(string directory)
    {
        try
        {
            return _files.List(Path.Combine(_root, directory));
        }
        catch (FileLayerException e) when (e.Error == FileError.NotFound)
        {
            return [];
        }
    }

    /// <summary>A repository that vanished must not be begun anew by whoever writes next.</summary>
    private bool EnsureRoot() =>
        _files.KindOf(_root) == FileKind.Directory
            ? true
            : throw new StorageException(StorageError.Missing, $"the repository directory {_root} is not there; mount it or bring it back, then try again");

    /// <summary>Makes the directory and its parents up to the root, and their names durable.</summary>
    private void EnsureDirectory(string directory)
    {
        if (directory == _root || _directories.ContainsKey(directory))
        {
            return;
        }

        var parent = Path.GetDirectoryName(directory)!;
        EnsureDirectory(parent);
        if (_files.KindOf(directory) != FileKind.Directory)
        {
            _files.CreateDirectory(directory);
        }

        _files.SyncDirectory(parent);
        _directories[directory] = true;
    }

    private void TryDelete(string temporary)
    {
        try
        {
            _files.Delete(temporary);
        }
        catch (FileLayerException)
        {
            // Left for the next opening; it is in nobody's way.
        }
    }

    private string PathOf(string key) =>
        ObjectKey.IsValid(key)
            ? Path.Combine(_root, key)
            : throw new StorageException(StorageError.Invalid, $"'{key}' is not an object's key");

    private T Guard<T>(Func<T> work, string what)
    {
        try
        {
            return work();
        }
        catch (FileLayerException e)
        {
            if (e.Error == FileError.NotFound)
            {
                _directories.Clear();
                EnsureRoot();
            }

            throw Translate(e, what);
        }
    }

    private StorageException Translate(FileLayerException e, string what) =>
        e.Error switch
        {
            FileError.NoSpace => new StorageException(StorageError.NoSpace, $"the file system of repository {Url} is full: {e.Message}; free space there, then try again", e),
            FileError.NotFound => new StorageException(StorageError.Missing, $"{what} in {Url}: {e.Message}", e),
            FileError.PermissionDenied or FileError.ReadOnly => new StorageException(
                StorageError.PermissionDenied, $"{what} in {Url}: {e.Message}; the node's user needs read and write access there", e),
            _ => new StorageException(StorageError.InputOutput, $"{what} in {Url}: {e.Message}", e),
        };
}
