namespace ActorBackup.Volumes;

/// <summary>Why an operation on a disk or its tracking file was refused or failed.</summary>
public enum VolumeError
{
    /// <summary>The backing or tracking file does not exist.</summary>
    Missing,

    /// <summary>The file exists already and is not overwritten.</summary>
    Exists,

    /// <summary>Something else than a regular file or block device.</summary>
    NotAFile,

    PermissionDenied,

    /// <summary>Another program, or another disk, has the backing.</summary>
    InUse,

    /// <summary>Empty, not a multiple of 512 bytes, or another size than the disk's.</summary>
    BadSize,

    NoSpace,
    InputOutput,

    /// <summary>The tracking file is not one, or its catalogue cannot be trusted.</summary>
    Damaged,

    /// <summary>Written by a newer version.</summary>
    UnknownVersion,

    /// <summary>A sync of the tracking file or the backing failed earlier; nothing that depends on it is possible any more.</summary>
    SyncFailed,

    UnknownBitmap,
    BitmapExists,
    BitmapBusy,
    BitmapInconsistent,
    UnknownJob,
    JobExists,

    /// <summary>The snapshot lost its instant: a block was overwritten before it could be kept.</summary>
    SnapshotBroken,

    /// <summary>An argument that can never be right.</summary>
    Invalid,

    Closed,

    /// <summary>Guests' writes did not come to a halt in time.</summary>
    Timeout,
}

/// <summary>An expected failure of a disk's data plane. The message says what failed, why, and what to do about it.</summary>
public sealed class VolumeException(VolumeError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public VolumeError Error { get; } = error;
}
