using System.Runtime.InteropServices;

namespace ActorBackup.Files;

/// <summary>Turns errno values and .NET's exceptions into <see cref="FileLayerException"/>.</summary>
internal static class Errno
{
    public static FileLayerException Failure(string operation, string path) => Failure(Marshal.GetLastPInvokeError(), operation, path);

    public static FileLayerException Failure(int errno, string operation, string path) =>
        new(Classify(errno), $"{operation} {path}: {Marshal.GetPInvokeErrorMessage(errno)}");

    /// <summary>.NET puts errno into HResult, save for a few exception types of its own.</summary>
    public static FileLayerException Wrap(Exception e, string operation, string path) =>
        e switch
        {
            FileNotFoundException or DirectoryNotFoundException => new(FileError.NotFound, $"{operation} {path}: no such file or directory", e),
            UnauthorizedAccessException when Directory.Exists(path) => new(FileError.IsDirectory, $"{operation} {path}: is a directory", e),
            UnauthorizedAccessException => new(FileError.PermissionDenied, $"{operation} {path}: permission denied", e),
            IOException { HResult: > 0 and < 4096 } io => new(Classify(io.HResult), $"{operation} {path}: {Marshal.GetPInvokeErrorMessage(io.HResult)}", e),
            IOException when File.Exists(path) && operation == "create" => new(FileError.Exists, $"{operation} {path}: file exists", e),
            _ => new(FileError.InputOutput, $"{operation} {path}: {e.Message}", e),
        };

    private static FileError Classify(int errno) =>
        errno switch
        {
            Libc.Enoent => FileError.NotFound,
            Libc.Eexist => FileError.Exists,
            Libc.Eacces or Libc.Eperm => FileError.PermissionDenied,
            Libc.Enospc or Libc.Edquot => FileError.NoSpace,
            Libc.Eisdir => FileError.IsDirectory,
            Libc.Erofs => FileError.ReadOnly,
            Libc.Eopnotsupp or Libc.Enosys or Libc.Einval => FileError.NotSupported,
            Libc.Eagain or Libc.Ebusy => FileError.Busy,
            _ => FileError.InputOutput,
        };
}
