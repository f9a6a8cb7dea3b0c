namespace ActorBackup.Files;

/// <summary>The file system as the tracking file, scratch, backings and the file repository use it. The shipped one is <see cref="LinuxFileLayer"/>.</summary>
/// <remarks>Failures of the outside world are <see cref="FileLayerException"/>. Names become durable only by <see cref="SyncDirectory"/>.</remarks>
public interface IFileLayer
{
    IFile Open(string path, FileOpening opening);

    FileKind KindOf(string path);

    void CreateDirectory(string path);

    /// <summary>Full paths of entries, unordered.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Gives the file a second name. Atomic: fails with <see cref="FileError.Exists"/> when <paramref name="newPath"/> exists.</summary>
    void Link(string existingPath, string newPath);

    /// <summary>Renames over whatever is there.</summary>
    void Replace(string fromPath, string toPath);

    /// <summary>Absent is no error.</summary>
    void Delete(string path);

    /// <summary>Makes links, renames and deletions in the directory durable.</summary>
    void SyncDirectory(string directory);

    /// <summary>Bytes free for us on the file system that holds the path.</summary>
    long FreeBytes(string path);
}

public enum FileKind
{
    Missing,
    File,
    Directory,
    BlockDevice,
    Other,
}

public enum FileOpening
{
    ReadOnly,

    /// <summary>Read and write a file that exists. A block device is taken exclusively: <see cref="FileError.Busy"/> where it is mounted or taken.</summary>
    ReadWrite,

    /// <summary>Read and write a file that does not exist yet.</summary>
    CreateNew,
}
