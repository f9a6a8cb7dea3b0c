using System.Collections.Concurrent;
using ActorBackup.Files;

namespace ActorBackup.Storage.Tests.Support;

/// <summary>The real file system, with failures where the test wants them and a record of what was done in which order.</summary>
internal sealed class FaultyFileLayer : IFileLayer
{
    private static readonly IFileLayer Inner = LinuxFileLayer.Instance;

    private readonly ConcurrentDictionary<string, bool> _namesInCache = new();
    private long _writtenBytes;

    /// <summary>By operation ("open", "create", "read", "write", "sync", "link", "replace", "delete", "list", "syncdir") and path. Null = it goes through.</summary>
    public Func<string, string, FileError?>? Fault { get; set; }

    /// <summary>How many bytes of what was asked for a read returns.</summary>
    public Func<string, int, int>? ShortRead { get; set; }

    public long? Free { get; set; }

    public ConcurrentQueue<(string Operation, string Path)> Done { get; } = new();

    /// <summary>By writes that went through.</summary>
    public long WrittenBytes => Volatile.Read(ref _writtenBytes);

    public IFile Open(string path, FileOpening opening)
    {
        Do(opening == FileOpening.CreateNew ? "create" : "open", path);
        return new FaultyFile(this, Inner.Open(path, opening));
    }

    public FileKind KindOf(string path) => Inner.KindOf(path);

    public void CreateDirectory(string path)
    {
        Do("mkdir", path);
        Inner.CreateDirectory(path);
    }

    public IReadOnlyList<string> List(string directory)
    {
        Do("list", directory);
        return Inner.List(directory);
    }

    public void Link(string existingPath, string newPath)
    {
        Do("link", newPath);
        Inner.Link(existingPath, newPath);
        _namesInCache[newPath] = true;
    }

    public void Replace(string fromPath, string toPath)
    {
        Do("replace", toPath);
        Inner.Replace(fromPath, toPath);
    }

    public void Delete(string path)
    {
        Do("delete", path);
        Inner.Delete(path);
        _namesInCache.TryRemove(path, out _);
    }

    public void SyncDirectory(string directory)
    {
        Do("syncdir", directory);
        Inner.SyncDirectory(directory);
        foreach (var path in _namesInCache.Keys.Where(p => Path.GetDirectoryName(p) == directory))
        {
            _namesInCache.TryRemove(path, out _);
        }
    }

    /// <summary>Names that were linked and whose directory was not synced since are gone.</summary>
    public void LosePower()
    {
        foreach (var path in _namesInCache.Keys)
        {
            File.Delete(path);
        }

        _namesInCache.Clear();
    }

    public long FreeBytes(string path) => Free ?? Inner.FreeBytes(path);

    private void Do(string operation, string path)
    {
        if (Fault?.Invoke(operation, path) is { } error)
        {
            throw new FileLayerException(error, $"{operation} {path}: injected");
        }

        Done.Enqueue((operation, path));
    }

    private sealed class FaultyFile(FaultyFileLayer layer, IFile inner) : IFile
    {
        public string Path => inner.Path;

        public long Length => inner.Length;

        public DateTimeOffset ModifiedAt => inner.ModifiedAt;

        public int Read(long offset, Span<byte> buffer)
        {
            layer.Do("read", Path);
            return inner.Read(offset, layer.ShortRead is { } shorten ? buffer[..shorten(Path, buffer.Length)] : buffer);
        }

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            layer.Do("write", Path);
            inner.Write(offset, data);
            Interlocked.Add(ref layer._writtenBytes, data.Length);
        }

        public void Sync()
        {
            layer.Do("sync", Path);
            inner.Sync();
        }

        public void SetLength(long length) => inner.SetLength(length);

        public void Allocate(long offset, long length) => inner.Allocate(offset, length);

        public void PunchHole(long offset, long length) => inner.PunchHole(offset, length);

        public void ZeroRange(long offset, long length) => inner.ZeroRange(offset, length);

        public (long Start, long End) NextData(long offset) => inner.NextData(offset);

        public void Dispose() => inner.Dispose();
    }
}
