using ActorBackup.Files;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>The machine's files as one process of it has them, over the real file system.</summary>
internal sealed class MachineFiles(Machine machine, Process process, Func<DateTimeOffset> now) : IFileLayer
{
    private static readonly IFileLayer Inner = LinuxFileLayer.Instance;

    /// <summary>Directories, as processes see them, in which everything fails.</summary>
    public HashSet<string> Away { get; } = new(StringComparer.Ordinal);

    /// <summary>By the step of a change: what it fails with, and whether it is done all the same.</summary>
    public Func<string, (FileError Error, bool IsDone)?>? Fault { get; set; }

    /// <summary>Reads of the backing that touch these bytes fail.</summary>
    public Func<long, int, bool>? IsUnreadable { get; set; }

    public IFile Open(string path, FileOpening opening) =>
        Use(path, real => new ProcessFile(this, path, real, process.Own(Inner.Open(real, opening))));

    public FileKind KindOf(string path) => Use(path, Inner.KindOf);

    public void CreateDirectory(string path) => Use(path, real =>
    {
        Inner.CreateDirectory(real);
        return true;
    });

    public IReadOnlyList<string> List(string directory) => Use(directory, real => Inner.List(real).Select(p => directory + p[real.Length..]).ToArray());

    public void Link(string existingPath, string newPath) => Do("R put " + ClassOf(newPath), newPath, real => Inner.Link(machine.RealPath(existingPath), real));

    public void Replace(string fromPath, string toPath) => throw new NotSupportedException();

    public void Delete(string path)
    {
        if (ClassOf(path) == "points")
        {
            Do("R delete points", path, Inner.Delete);
        }
        else
        {
            Use(path, real =>
            {
                Inner.Delete(real);
                return true;
            });
        }
    }

    public void SyncDirectory(string directory) => Use(directory, _ => true);

    public long FreeBytes(string path) => Use(path, Inner.FreeBytes);

    private static string ClassOf(string path) => Path.GetFileName(Path.GetDirectoryName(path)!) is var parent && path.Contains("/packs/", StringComparison.Ordinal) ? "packs" : parent;

    private static FileLayerException Failure(FileError error, string path) => new(error, $"{path}: injected");

    private T Use<T>(string path, Func<string, T> use) =>
        process.Use(() => Away.Any(a => path.StartsWith(a, StringComparison.Ordinal)) ? throw Failure(FileError.InputOutput, path) : use(machine.RealPath(path)));

    private void Do(string step, string path, Action<string> change)
    {
        if (Away.Any(a => path.StartsWith(a, StringComparison.Ordinal)))
        {
            throw Failure(FileError.InputOutput, path);
        }

        var fault = Fault?.Invoke(step);
        if (fault is { IsDone: false } early)
        {
            throw Failure(early.Error, path);
        }

        process.Do(step, () => change(machine.RealPath(path)));
        if (fault is { } late)
        {
            throw Failure(late.Error, path);
        }
    }

    private sealed class ProcessFile(MachineFiles layer, string path, string real, IFile inner) : IFile
    {
        private readonly string? _kind = path.EndsWith(".abktrack", StringComparison.Ordinal) ? "F" : path.EndsWith(".img", StringComparison.Ordinal) ? "B" : null;

        public string Path => path;

        public long Length => layer.Use(path, _ => inner.Length);

        public DateTimeOffset ModifiedAt => layer.Modified(real);

        public int Read(long offset, Span<byte> buffer)
        {
            if (_kind == "B" && layer.IsUnreadable?.Invoke(offset, buffer.Length) == true)
            {
                throw Failure(FileError.InputOutput, path);
            }

            var bytes = new byte[buffer.Length];
            var read = layer.Use(path, _ => inner.Read(offset, bytes));
            bytes.AsSpan(0, read).CopyTo(buffer);
            return read;
        }

        public bool TryReadCached(long offset, Span<byte> buffer) => layer.IsUnreadable is null && Read(offset, buffer) == buffer.Length;

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            var bytes = data.ToArray();
            Change("write", () => inner.Write(offset, bytes));
        }

        public void Sync() => layer.Use(path, _ => true);

        public void SetLength(long length) => Change("length", () => inner.SetLength(length));

        public void Allocate(long offset, long length) => Change("allocate", () => inner.Allocate(offset, length));

        public void PunchHole(long offset, long length) => Change("punch", () => inner.PunchHole(offset, length));

        public void ZeroRange(long offset, long length) => Change("zero", () => inner.ZeroRange(offset, length));

        public (long Start, long End) NextData(long offset) => layer.Use(path, _ => inner.NextData(offset));

        public void LockShared(long offset) => layer.Use(path, _ =>
        {
            inner.LockShared(offset);
            return true;
        });

        public bool IsLockedElsewhere(long offset) => layer.Use(path, _ => inner.IsLockedElsewhere(offset));

        public void Dispose() => layer.Close(inner);

        private void Change(string what, Action change)
        {
            if (_kind is null)
            {
                layer.Use(path, _ =>
                {
                    change();
                    return true;
                });
                return;
            }

            layer.Do($"{_kind} {what}", path, _ =>
            {
                change();
                layer.Touch(real);
            });
        }
    }

    private DateTimeOffset Modified(string real) => machine.Modified.GetValueOrDefault(real[machine.Root.Length..], Machine.Begin);

    private void Touch(string real) => machine.Modified[real[machine.Root.Length..]] = now();

    private void Close(IFile inner) => process.Close(inner);
}
