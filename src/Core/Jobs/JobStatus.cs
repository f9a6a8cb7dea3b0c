namespace ActorBackup.Core.Jobs;

/// <summary>QEMU's job states.</summary>
public enum JobStatus
{
    Created = 0,
    Running = 1,
    Paused = 2,
    Ready = 3,
    Standby = 4,
    Waiting = 5,
    Pending = 6,
    Aborting = 7,
    Concluded = 8,
}

public enum JobOutcome
{
    Success = 0,
    Failed = 1,
    Cancelled = 2,
    Interrupted = 3,
}

public enum JobKind
{
    Backup = 0,
    Restore = 1,
    Verify = 2,
    Copy = 3,
    Gc = 4,
}

public enum JobVerb
{
    Cancel,
    Pause,
    Resume,
    SetRate,
    SetPolicy,
    Complete,
    Finalize,
    Dismiss,
}
