using ActorBackup.Files;

namespace ActorBackup.Volumes.Tests.Support;

/// <summary>The kernel's files without byte locks: a test that plays two processes in turn opens what the dead one still holds.</summary>
internal sealed class UnlockedFiles : IFileLayer
{
    private readonly LinuxFileLayer _files = LinuxFileLayer.Instance;

    public static UnlockedFiles Instance { get; } = new();

    /// <summary>Runs after each write, given the file's path.</summary>
    public Action<string>? AfterWrite { get; set; }

    public IFile Open(string path, FileOpening opening) => new UnlockedFile(this, _files.Open(path, opening));

    public FileKind KindOf(string path) => _files.KindOf(path);

    public void CreateDirectory(string path) => _files.CreateDirectory(path);

    public IReadOnlyList<string> List(string directory) => _files.List(directory);

    public void Link(string existingPath, string newPath) => _files.Link(existingPath, newPath);

    public void Replace(string fromPath, string toPath) => _files.Replace(fromPath, toPath);

    public void Delete(string path) => _files.Delete(path);

    public void SyncDirectory(string directory) => _files.SyncDirectory(directory);

    public long FreeBytes(string path) => _files.FreeBytes(path);

    private sealed class UnlockedFile(UnlockedFiles files, IFile file) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public DateTimeOffset ModifiedAt => file.ModifiedAt;

        public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            file.Write(offset, data);
            files.AfterWrite?.Invoke(file.Path);
        }

        public void Sync() => file.Sync();

        public void SetLength(long length) => file.SetLength(length);

        public void Allocate(long offset, long length) => file.Allocate(offset, length);

        public void PunchHole(long offset, long length) => file.PunchHole(offset, length);

        public void ZeroRange(long offset, long length) => file.ZeroRange(offset, length);

        public (long Start, long End) NextData(long offset) => file.NextData(offset);

        public void Dispose() => file.Dispose();
    }
}
