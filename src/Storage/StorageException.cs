namespace ActorBackup.Storage;

/// <summary>Why an operation on a repository was refused or failed.</summary>
public enum StorageError
{
    /// <summary>The repository, the object or its directory does not exist.</summary>
    Missing,

    /// <summary>Something exists already and is not overwritten.</summary>
    Exists,

    /// <summary>The path is not a directory, or the directory holds something else than a repository.</summary>
    NotARepository,

    /// <summary>Written by a newer version.</summary>
    UnknownVersion,

    /// <summary>Bytes are not what was stored: checksum, digest or structure.</summary>
    Damaged,

    PermissionDenied,
    NoSpace,
    InputOutput,

    /// <summary>A block that a point needs is in no pack.</summary>
    MissingBlock,

    /// <summary>The index has reached its stated bound.</summary>
    IndexFull,

    /// <summary>Somebody else is doing just that.</summary>
    Busy,

    /// <summary>An argument that can never be right, a URL for instance.</summary>
    Invalid,
}

/// <summary>An expected failure of a repository. The message says what failed, why, and what to do about it.</summary>
public sealed class StorageException(StorageError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public StorageError Error { get; } = error;
}
