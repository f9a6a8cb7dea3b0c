using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using ActorBackup.Files;

namespace ActorBackup.Storage.Objects;

/// <summary>Objects as files below a directory. An object appears under its name by link(2), whole and durable (rule 25).</summary>
/// <remarks>Files whose names are no keys are not ours: they are neither listed nor touched. Nor is what lies in <see cref="TemporaryDirectory"/>.</remarks>
public sealed class FileObjectStore : IObjectStore
{
    /// <summary>Where objects are written before they get their names.</summary>
    internal const string TemporaryDirectory = "tmp";

    /// <summary>No put takes that long: whoever began an older temporary file is dead.</summary>
    internal static readonly TimeSpan LeftoverAge = TimeSpan.FromDays(1);

    private readonly IFileLayer _files;
    private readonly string _root;
    private readonly string? _requiredKey;
    private readonly ConcurrentDictionary<string, bool> _directories = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _failedSyncs = new(StringComparer.Ordinal);
    private int _hasSwept;

    /// <param name="files">The file system.</param>
    /// <param name="rootDirectory">Absolute; it exists, or calls fail with <see cref="StorageError.Missing"/>.</param>
    /// <param name="url">For messages.</param>
    /// <param name="requiredKey">An object without which nothing else is stored or found absent: it tells a repository from the mount point of one.</param>
    public FileObjectStore(IFileLayer files, string rootDirectory, string url, string? requiredKey = null)
    {
        (_files, _root, Url, _requiredKey) = (files, rootDirectory, url, requiredKey);
    }

    public string Url { get; }

    public Task<bool> PutIfAbsentAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        Task.Run(() => Guard(() => Put(key, content.Span), $"object {key} cannot be stored"), cancellation);

    public Task<byte[]?> TryGetAsync(string key, int maxBytes, CancellationToken cancellation) =>
        Task.FromResult(Guard(() => Get(key, maxBytes), $"object {key} cannot be read"));

    public Task ReadAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation) => ReadAsync(key, offset, buffer, isOnce: false);

    public Task ReadOnceAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation) => ReadAsync(key, offset, buffer, isOnce: true);

    public Task<long?> TryGetLengthAsync(string key, CancellationToken cancellation) =>
        Task.FromResult(Guard<long?>(
            () =>
            {
                using var file = TryOpen(key);
                return file?.Length;
            },
            $"object {key} cannot be examined"));

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        if (prefix.Length > 0 && !ObjectKey.IsValid(prefix.TrimEnd('/')))
        {
            throw new StorageException(StorageError.Invalid, $"'{prefix}' is not the beginning of an object's key");
        }

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
                if (!IsOurs(key) || !(key.StartsWith(prefix, StringComparison.Ordinal) || prefix.StartsWith(key, StringComparison.Ordinal)))
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
                EnsureRoot(key);
                var path = PathOf(key);
                _files.Delete(path);
                var directory = Path.GetDirectoryName(path)!;
                if (_files.KindOf(directory) == FileKind.Directory)
                {
                    // Also when it was absent: whoever deleted it may have died before this.
                    Sync(directory);
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

    private Task ReadAsync(string key, long offset, Memory<byte> buffer, bool isOnce)
    {
        Guard(
            () =>
            {
                using var file = _files.Open(PathOf(key), FileOpening.ReadOnly);
                return (isOnce ? file.ReadUncached(offset, buffer.Span) : file.Read(offset, buffer.Span)) == buffer.Length
                    ? true
                    : throw new StorageException(StorageError.Damaged, $"object {key} of {Url} is shorter than it was written");
            },
            $"object {key} cannot be read");
        return Task.CompletedTask;
    }

    private bool Put(string key, ReadOnlySpan<byte> content)
    {
        EnsureRoot(key);
        var path = PathOf(key);
        var temporary = Path.Combine(_root, TemporaryDirectory, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        EnsureDirectory(Path.GetDirectoryName(temporary)!);
        EnsureDirectory(Path.GetDirectoryName(path)!);
        try
        {
            using (var file = _files.Open(temporary, FileOpening.CreateNew))
            {
                // A backup must not push out of the page cache what guests have there.
                file.WriteUncached(0, content);
                file.Sync();
            }

            DeleteLeftovers(temporary);
            _files.Link(temporary, path);
        }
        catch (FileLayerException e) when (e.Error == FileError.Exists)
        {
            // Durable, too: whoever was first may have died between link and sync.
            Sync(Path.GetDirectoryName(path)!);
            return false;
        }
        finally
        {
            TryDelete(temporary);
        }

        Sync(Path.GetDirectoryName(path)!);
        return true;
    }

    private byte[]? Get(string key, int maxBytes)
    {
        using var file = TryOpen(key);
        if (file is null)
        {
            return null;
        }

        if (file.Length > maxBytes)
        {
            throw new StorageException(StorageError.Damaged, $"object {key} of {Url} has {file.Length} bytes; at most {maxBytes} are possible");
        }

        var bytes = new byte[file.Length];
        return file.Read(0, bytes) == bytes.Length
            ? bytes
            : throw new StorageException(StorageError.Damaged, $"object {key} of {Url} changed while it was read");
    }

    /// <summary>Null if there is no such object, or it is deleted while we look.</summary>
    private IFile? TryOpen(string key)
    {
        var path = PathOf(key);
        try
        {
            if (_files.KindOf(path) == FileKind.File)
            {
                return _files.Open(path, FileOpening.ReadOnly);
            }
        }
        catch (FileLayerException e) when (e.Error == FileError.NotFound)
        {
            // As if it had been deleted before.
        }

        EnsureRoot(key);
        return null;
    }

    /// <summary>Names whose writer died before it made them durable are made so now: whoever lists them may count on what they name.</summary>
    /// <remarks>In this order: a name that came between a sync and the list would be named and not durable.</remarks>
    private IReadOnlyList<string> Entries(string directory)
    {
        var path = Path.Combine(_root, directory);
        try
        {
            var entries = _files.List(path);
            Sync(path);
            return entries;
        }
        catch (FileLayerException e) when (e.Error == FileError.ReadOnly)
        {
            return _files.List(path);
        }
        catch (FileLayerException e) when (e.Error == FileError.NotFound)
        {
            return [];
        }
    }

    /// <summary>A repository that vanished must not be begun anew by whoever writes next, nor count as one without objects.</summary>
    private bool EnsureRoot(string? key = null)
    {
        if (_files.KindOf(_root) != FileKind.Directory)
        {
            throw new StorageException(StorageError.Missing, $"the repository directory {_root} is not there; mount it or bring it back, then try again");
        }

        return _requiredKey is null || key == _requiredKey || _files.KindOf(Path.Combine(_root, _requiredKey)) == FileKind.File
            ? true
            : throw new StorageException(
                StorageError.Missing, $"{_root} is there, but the repository is not in it; mount it or bring it back, then try again");
    }

    /// <summary>Makes the names in the directory durable. After a failure the kernel may report success for what it lost: this directory is not trusted again.</summary>
    private void Sync(string directory)
    {
        if (_failedSyncs.ContainsKey(directory))
        {
            throw new StorageException(
                StorageError.InputOutput,
                $"an earlier sync of {directory} failed, so nothing there can be promised to be durable; check the disk, then start the node again");
        }

        try
        {
            _files.SyncDirectory(directory);
        }
        catch (FileLayerException e) when (e.Error is not (FileError.NotFound or FileError.ReadOnly))
        {
            _failedSyncs[directory] = true;
            throw;
        }
    }

    /// <summary>Once: what puts that died with their process left. Ages are by the file system's own clock, that of the given file.</summary>
    private void DeleteLeftovers(string ownTemporary)
    {
        if (Interlocked.Exchange(ref _hasSwept, 1) != 0)
        {
            return;
        }

        try
        {
            var oldest = ModifiedAt(ownTemporary) - LeftoverAge;
            foreach (var path in _files.List(Path.GetDirectoryName(ownTemporary)!))
            {
                if (_files.KindOf(path) == FileKind.File && ModifiedAt(path) < oldest)
                {
                    TryDelete(path);
                }
            }
        }
        catch (FileLayerException)
        {
            // Whoever opens the repository next tries again.
        }
    }

    private DateTimeOffset ModifiedAt(string path)
    {
        using var file = _files.Open(path, FileOpening.ReadOnly);
        return file.ModifiedAt;
    }

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

        Sync(parent);
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
            // In nobody's way; the first put of a later opening deletes it.
        }
    }

    private static bool IsOurs(string key) =>
        ObjectKey.IsValid(key) && key != TemporaryDirectory && !key.StartsWith(TemporaryDirectory + "/", StringComparison.Ordinal);

    private string PathOf(string key) =>
        IsOurs(key)
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
