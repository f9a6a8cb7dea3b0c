using System.Runtime.InteropServices;

namespace ActorBackup.Files;

/// <summary>The Linux kernel's file systems.</summary>
public sealed class LinuxFileLayer : IFileLayer
{
    public static LinuxFileLayer Instance { get; } = new();

    public IFile Open(string path, FileOpening opening)
    {
        var isDevice = opening != FileOpening.CreateNew && KindOf(path) == FileKind.BlockDevice;
        var (mode, access, operation) = opening switch
        {
            FileOpening.ReadOnly => (FileMode.Open, FileAccess.Read, "open"),
            FileOpening.ReadWrite => (FileMode.Open, FileAccess.ReadWrite, "open"),
            _ => (FileMode.CreateNew, FileAccess.ReadWrite, "create"),
        };
        try
        {
            // FileShare.ReadWrite: .NET's flock would stop nobody but ourselves.
            return new LinuxFile(path, File.OpenHandle(path, mode, access, FileShare.ReadWrite | FileShare.Delete), isDevice);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, operation, path);
        }
    }

    public FileKind KindOf(string path)
    {
        if (Directory.Exists(path))
        {
            return FileKind.Directory;
        }

        try
        {
            // A block device has the Device attribute in .NET; a character device too, but it has no seekable length.
            var attributes = File.GetAttributes(path);
            return attributes.HasFlag(FileAttributes.Device)
                ? File.Exists($"/sys/class/block/{Path.GetFileName(File.ResolveLinkTarget(path, true)?.FullName ?? path)}/dev")
                    || Directory.Exists($"/sys/class/block/{Path.GetFileName(path)}") ? FileKind.BlockDevice : FileKind.Other
                : FileKind.File;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return FileKind.Missing;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, "examine", path);
        }
    }

    public void CreateDirectory(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, "create directory", path);
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        try
        {
            return Directory.GetFileSystemEntries(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, "list", directory);
        }
    }

    public void Link(string existingPath, string newPath)
    {
        if (Libc.Link(existingPath, newPath) != 0)
        {
            throw Errno.Failure("link", newPath);
        }
    }

    public void Replace(string fromPath, string toPath)
    {
        if (Libc.Rename(fromPath, toPath) != 0)
        {
            throw Errno.Failure("rename", toPath);
        }
    }

    public void Delete(string path)
    {
        if (Libc.Unlink(path) != 0 && Marshal.GetLastPInvokeError() != Libc.Enoent)
        {
            throw Errno.Failure("delete", path);
        }
    }

    public void SyncDirectory(string directory)
    {
        var fd = Libc.Open(directory, Libc.ORdonly | Libc.OCloexec, 0);
        if (fd < 0)
        {
            throw Errno.Failure("open directory", directory);
        }

        var failed = Libc.Fsync(fd) != 0;
        var errno = Marshal.GetLastPInvokeError();
        _ = Libc.Close(fd);
        if (failed)
        {
            throw Errno.Failure(errno, "sync directory", directory);
        }
    }

    public long FreeBytes(string path)
    {
        try
        {
            return new DriveInfo(path).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, "measure free space of", path);
        }
    }
}
