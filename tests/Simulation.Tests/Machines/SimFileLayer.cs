using ActorBackup.Files;

namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>The machine's files as one process sees them.</summary>
internal sealed class SimFileLayer(Machine machine, int process) : IFileLayer
{
    private const long PlentyBytes = 1L << 40;

    public IFile Open(string path, FileOpening opening)
    {
        Inode? inode = null;
        machine.Do(process, OperationKind.Open, null, 0, 1, count =>
        {
            if (!machine.Names.TryGetValue(path, out inode) && opening == FileOpening.CreateNew && count == 1)
            {
                inode = new Inode(path);
                machine.SetName(path, inode);
            }
            else if (opening == FileOpening.CreateNew && count == 1)
            {
                throw new FileLayerException(FileError.Exists, $"create {path}: file exists");
            }
        });
        return new SimFile(machine, process, inode ?? throw new FileLayerException(FileError.NotFound, $"open {path}: no such file"), path);
    }

    public FileKind KindOf(string path) =>
        path is Machine.Directory or Machine.ScratchPath ? FileKind.Directory
        : machine.Names.ContainsKey(path) ? FileKind.File
        : FileKind.Missing;

    public void CreateDirectory(string path)
    {
    }

    public IReadOnlyList<string> List(string directory) =>
        [.. machine.Names.Keys.Where(n => Path.GetDirectoryName(n) == directory).Order(StringComparer.Ordinal)];

    public void Link(string existingPath, string newPath) => Named(() =>
    {
        if (machine.Names.ContainsKey(newPath))
        {
            throw new FileLayerException(FileError.Exists, $"link {newPath}: file exists");
        }

        machine.SetName(newPath, Find(existingPath));
    });

    public void Replace(string fromPath, string toPath) => Named(() =>
    {
        machine.SetName(toPath, Find(fromPath));
        machine.SetName(fromPath, null);
    });

    public void Delete(string path)
    {
        if (machine.Names.ContainsKey(path))
        {
            Named(() => machine.SetName(path, null));
        }
    }

    public void SyncDirectory(string directory) => machine.Do(process, OperationKind.SyncDirectory, null, 0, 1, count =>
    {
        if (count == 1)
        {
            machine.SyncNames();
        }
    });

    public long FreeBytes(string path) => machine.SpaceIsOut ? 0 : PlentyBytes;

    private Inode Find(string path) =>
        machine.Names.GetValueOrDefault(path) ?? throw new FileLayerException(FileError.NotFound, $"{path}: no such file");

    /// <summary>A change of names happens or does not.</summary>
    private void Named(Action change) => machine.Do(process, OperationKind.Name, null, 0, 1, count =>
    {
        if (count == 1)
        {
            change();
        }
    });
}
