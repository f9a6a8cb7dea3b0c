using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Messages.Storage;

/// <summary>The jobs that one node runs on one repository without a disk of its own: restore and verify.</summary>
public abstract record StorageEvent
{
    private StorageEvent()
    {
    }

    public sealed record JobStarted(StorageJob Job, DateTimeOffset At) : StorageEvent;

    /// <summary>The node is being stopped in order: the next start goes on with the job.</summary>
    public sealed record JobSuspended(JobId Job, SuspendedRead Suspended) : StorageEvent;

    /// <summary>It goes on. A process that dies from here on has interrupted it.</summary>
    public sealed record JobResumed(JobId Job) : StorageEvent;

    /// <summary>Too old to be listed any more.</summary>
    public sealed record JobsForgotten(IReadOnlyList<JobId> Jobs) : StorageEvent;

    public sealed record JobConcluded(JobId Job, JobConclusion Conclusion, DateTimeOffset At) : StorageEvent;

    public sealed record JobDismissed(JobId Job) : StorageEvent;
}

/// <param name="Id">Of the job.</param>
/// <param name="Kind">Restore or verify.</param>
/// <param name="Point">What is read.</param>
/// <param name="Disk">The disk that the point is of; of a job that adds a bitmap, the bitmap's.</param>
/// <param name="Target">What a restore writes, or a verify compares with: see <see cref="JobTarget"/>.</param>
/// <param name="Force">Restore a partial point, or over what exists.</param>
/// <param name="Percent">Share of the blocks that a verify reads; 0 = structure and existence only.</param>
public sealed record StorageJob(JobId Id, JobKind Kind, PointId Point, DiskId Disk, string? Target, bool Force, int Percent)
{
    /// <summary>What the comparison of the target is to add.</summary>
    public NewBitmap? Bitmap { get; init; }

    /// <summary>Bytes that it may read in a second, as it began; 0 = unlimited.</summary>
    public long RateBytesPerSecond { get; init; }

    /// <summary>The job whose work this one does again.</summary>
    public JobId? RetryOf { get; init; }
}
