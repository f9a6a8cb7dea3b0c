namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>What a process asks the outside world for. Each is a place to die: before, in the middle, after.</summary>
internal enum OperationKind
{
    Open,
    Read,
    Write,
    Punch,
    Sync,
    Allocate,
    Name,
    SyncDirectory,
    Journal,

    /// <summary>The journal writes that a job is concluded.</summary>
    Conclusion,
    Repository,

    /// <summary>A point object is put into the repository.</summary>
    Publish,
}
