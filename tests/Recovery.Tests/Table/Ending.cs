namespace ActorBackup.Recovery.Tests.Table;

/// <summary>How the life of a job ends that no kill cuts short.</summary>
public enum Ending
{
    Success,
    Cancelled,
    CancelledByForce,

    /// <summary>The disk cannot be read.</summary>
    Unreadable,

    /// <summary>Its repository is gone when it is cancelled, and comes back.</summary>
    RepositoryAway,

    /// <summary>It waits in pending with everything copied, and is finalized.</summary>
    Finalized,

    /// <summary>It waits in pending because the disk cannot be read, and what it copied is kept.</summary>
    KeptAfterFailure,

    /// <summary>The same, and discarded.</summary>
    DiscardedAfterFailure,
}
