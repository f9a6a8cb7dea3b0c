#pragma warning disable CA1416 // The Linux kernel is what this class is for.
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ActorBackup.Files;

/// <summary>The Linux kernel's file systems.</summary>
public sealed class LinuxFileLayer : IFileLayer
{
    // What we make holds what disks hold.
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

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
        if (isDevice && opening == FileOpening.ReadWrite)
        {
            return new LinuxFile(path, OpenDevice(path), isDevice, isReadOnly: false);
        }

        try
        {
            // FileShare.ReadWrite: .NET's flock would stop nobody but ourselves.
            var file = File.OpenHandle(path, mode, access, FileShare.ReadWrite | FileShare.Delete);
            if (opening == FileOpening.CreateNew)
            {
                File.SetUnixFileMode(file, OwnerOnly);
            }

            return new LinuxFile(path, file, isDevice, opening == FileOpening.ReadOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, operation, path);
        }
    }

    public FileKind KindOf(string path)
    {
        Span<byte> status = stackalloc byte[Libc.StatxBytes];
        if (Libc.Statx(Libc.AtFdCwd, path, 0, Libc.StatxType, ref MemoryMarshal.GetReference(status)) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            return errno is Libc.Enoent or Libc.Enotdir ? FileKind.Missing : throw Errno.Failure(errno, "examine", path);
        }

        return (MemoryMarshal.Read<ushort>(status[Libc.StatxModeAt..]) & Libc.SIfmt) switch
        {
            Libc.SIfreg => FileKind.File,
            Libc.SIfdir => FileKind.Directory,
            Libc.SIfblk => FileKind.BlockDevice,
            _ => FileKind.Other,
        };
    }

    public void CreateDirectory(string path)
    {
        try
        {
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
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
        if (KindOf(path) == FileKind.Missing)
        {
            throw Errno.Failure(Libc.Enoent, "measure free space of", path);
        }

        try
        {
            return new DriveInfo(path).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, "measure free space of", path);
        }
    }

    /// <summary>O_EXCL: nobody has it mounted or under a volume manager, and nobody can do that while it is open.</summary>
    private static SafeFileHandle OpenDevice(string path)
    {
        var fd = Libc.Open(path, Libc.ORdwr | Libc.OExcl | Libc.OCloexec, 0);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw Errno.Failure("open", path);
    }
}
