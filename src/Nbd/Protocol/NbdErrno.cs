namespace ActorBackup.Nbd.Protocol;

/// <summary>The error numbers that the protocol allows.</summary>
public enum NbdErrno
{
    None = 0,
    NotPermitted = 1,
    InputOutput = 5,
    NoMemory = 12,
    InvalidArgument = 22,
    NoSpace = 28,
    Overflow = 75,
    NotSupported = 95,
    Shutdown = 108,
}
