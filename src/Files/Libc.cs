using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ActorBackup.Files;

/// <summary>Every call into libc that .NET has no equivalent for. x86-64 and arm64 Linux.</summary>
internal static partial class Libc
{
    public const int Eintr = 4;
    public const int Eio = 5;
    public const int Enoent = 2;
    public const int Enxio = 6;
    public const int Eexist = 17;
    public const int Eacces = 13;
    public const int Eperm = 1;
    public const int Eisdir = 21;
    public const int Enotdir = 20;
    public const int Enospc = 28;
    public const int Edquot = 122;
    public const int Erofs = 30;
    public const int Eopnotsupp = 95;
    public const int Enosys = 38;
    public const int Einval = 22;
    public const int Eagain = 11;
    public const int Ebusy = 16;

    public const int PrioProcess = 0;

    public const int ORdonly = 0;
    public const int OWronly = 1;
    public const int ORdwr = 2;
    public const int OExcl = 0x80;
    public const int OCloexec = 0x80000;

    /// <summary>Each architecture has a number of its own; 0 = this one's is not known here.</summary>
    public static readonly int ODirect = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 0x4000,
        Architecture.Arm64 => 0x10000,
        _ => 0,
    };

    public const int SeekCurrent = 1;
    public const int SeekData = 3;
    public const int SeekHole = 4;
    public const int SeekEnd = 2;

    public const int RwfNowait = 8;

    public const int FallocKeepSize = 1;
    public const int FallocPunchHole = 2;
    public const int FallocZeroRange = 16;

    // Locks of an open file description: unlike those of a process they also stop a second opening of the same process.
    public const int FOfdGetLk = 36;
    public const int FOfdSetLk = 37;
    public const short FRdLck = 0;
    public const short FWrLck = 1;
    public const short FUnLck = 2;

    // struct statx has one layout on every architecture.
    public const int AtFdCwd = -100;
    public const uint StatxType = 1;
    public const int StatxBytes = 256;
    public const int StatxModeAt = 28;
    public const int SIfmt = 0xF000;
    public const int SIfreg = 0x8000;
    public const int SIfdir = 0x4000;
    public const int SIfblk = 0x6000;

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Statx(int directory, string path, int flags, uint mask, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, int mode);

    /// <summary>Of one thread; 0 = the calling one.</summary>
    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    public static partial int SetPriority(int which, uint who, int nice);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    public static unsafe partial nint Preadv2(SafeFileHandle fd, Piece* pieces, int count, long offset, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Fsync(int fd);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int Fdatasync(SafeFileHandle fd);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    public static partial int Fallocate(SafeFileHandle fd, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Lseek(SafeFileHandle fd, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int FcntlLock(SafeFileHandle fd, int command, ref Flock range);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Link(string existing, string created);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Rename(string from, string to);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unlink(string path);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct Piece
    {
        public byte* Start;
        public nuint Length;
    }

    /// <summary>struct flock of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Flock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int ProcessId;
    }
}
