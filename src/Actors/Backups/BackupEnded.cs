using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Backups;

/// <summary>The last that a backup's run tells its disk.</summary>
public interface IBackupResult
{
    JobId Job { get; }
}

/// <summary>The job has ended.</summary>
/// <param name="Job">Which.</param>
/// <param name="End">How it ended.</param>
/// <param name="IsPointUnpublished">The partial point could not be put: the tracking file keeps its pair until it can be (ADR 3).</param>
public sealed record BackupEnded(JobId Job, JobEnd End, bool IsPointUnpublished) : IBackupResult;

/// <summary>The run let go of the job, because the node is being stopped.</summary>
/// <param name="Job">Which.</param>
/// <param name="Suspended">What the next run needs to know; null = there can be none, and the next start concludes the job as after a crash.</param>
/// <param name="Why">There can be none.</param>
public sealed record BackupSuspended(JobId Job, SuspendedJob? Suspended, Exception? Why) : IBackupResult;

/// <summary>From a backup's run to its disk: it waits for a person.</summary>
public sealed record BackupPending(JobId Job, PendingJob Pending);

/// <summary>The job came to this status; waiters may be answered.</summary>
public sealed record JobStateChanged(JobId Job, JobStatus Status);
