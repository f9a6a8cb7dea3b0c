namespace ActorBackup.Messages;

/// <summary>Why a command was refused. The API's error code is the member's name in snake case.</summary>
public enum RefusalCode
{
    InvalidArgument,
    InvalidGranularity,
    InvalidPolicy,
    InvalidSize,
    InvalidName,
    UnknownDisk,
    UnknownBitmap,
    UnknownJob,
    UnknownPoint,
    UnknownRepository,
    UnknownGroup,
    Busy,
    Locked,
    InUse,
    Pinned,
    NotReady,
    Duplicate,
    Exists,
    MissingFile,
    NotAFile,
    NotADirectory,
    PermissionDenied,
    NewerVersion,
    NotARepository,
    NoBase,
    BaseLost,
    BaseElsewhere,
    NoSpace,
    IoError,
    WrongState,
    Inconsistent,
    Partial,
    IndexFull,
    NotSupported,
    Damaged,
    Internal,
}

/// <summary>A command that changed nothing. Message: what, why, what to do; one line.</summary>
public sealed record Refusal(RefusalCode Code, string Message)
{
    /// <summary>Nothing is wrong with the command: its node is being stopped, or has not opened the disk. Whoever repeats commands by himself does not count it.</summary>
    public bool IsPassing { get; init; }
}
