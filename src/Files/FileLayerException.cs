namespace ActorBackup.Files;

public enum FileError
{
    InputOutput,
    NotFound,
    Exists,
    PermissionDenied,
    NoSpace,
    IsDirectory,
    ReadOnly,
    NotSupported,
    Busy,
}

/// <summary>A failed file operation, by what the caller can do about it. The message names operation, path and reason.</summary>
public sealed class FileLayerException(FileError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public FileError Error { get; } = error;
}
