using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Backups;

/// <summary>From a backup's run to its disk.</summary>
/// <param name="Job">Which.</param>
/// <param name="End">How it ended.</param>
/// <param name="IsPointUnpublished">The partial point could not be put: the tracking file keeps its pair until it can be (ADR 3).</param>
public sealed record BackupEnded(JobId Job, JobEnd End, bool IsPointUnpublished);

/// <summary>From a backup's run to its disk: it waits for a person.</summary>
public sealed record BackupPending(JobId Job, PendingJob Pending);

/// <summary>The job's status changed; waiters may be answered.</summary>
public sealed record JobStateChanged(JobId Job);
