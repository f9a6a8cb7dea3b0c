using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Messages.Disks;

/// <summary>What happened to a disk; its journal.</summary>
public abstract record DiskEvent
{
    private DiskEvent()
    {
    }

    public sealed record DiskAdded(DiskDefinition Definition, DateTimeOffset At) : DiskEvent;

    public sealed record DiskRemoved(DateTimeOffset At) : DiskEvent;

    public sealed record DiskStopped(DateTimeOffset At) : DiskEvent;

    public sealed record DiskStarted(DateTimeOffset At) : DiskEvent;

    /// <summary>The tracking file, then the backing, get this size; a recovery that finds this last does it again (rule 7).</summary>
    public sealed record DiskResizeIntended(long SizeBytes, DateTimeOffset At) : DiskEvent;

    /// <summary>The disk has this size: the intended one, or its former one when it could not be done. With another size no bitmap has a base.</summary>
    public sealed record DiskResized(long SizeBytes, DateTimeOffset At) : DiskEvent;

    /// <summary>Backing or tracking file are in another place; the tracking file says so already.</summary>
    public sealed record DiskMoved(string Backing, string TrackingPath, DateTimeOffset At) : DiskEvent;

    /// <summary>It is served over NBD with exactly these bitmaps as contexts; they are busy.</summary>
    public sealed record DiskExported(IReadOnlyList<string> Bitmaps, DateTimeOffset At) : DiskEvent;

    /// <summary>It is not served any more, and no bitmap is busy with that; online and tracked all the same.</summary>
    public sealed record DiskUnexported(DateTimeOffset At) : DiskEvent;

    /// <summary>A restore is about to write the point into it: until that has ended its content is nobody's, and it is not served.</summary>
    public sealed record DiskRestoreBegun(JobId Job, PointId Point, DateTimeOffset At) : DiskEvent;

    /// <summary>It has the whole point, or nothing of it, or somebody wants it as it is.</summary>
    public sealed record DiskRestoreEnded(DateTimeOffset At) : DiskEvent;

    public sealed record BitmapAdded(string Name, ulong SetId, long GranularityBytes, bool Recording, bool Persistent, BitmapBase Base) : DiskEvent;

    public sealed record BitmapRemoved(string Name) : DiskEvent;

    /// <summary>The bits go; so does the base, because nothing counts from it any more.</summary>
    public sealed record BitmapCleared(string Name) : DiskEvent;

    /// <summary>Disabling breaks the base: writes from now on go unseen.</summary>
    public sealed record BitmapRecordingChanged(string Name, bool Recording) : DiskEvent;

    public sealed record BitmapMerged(string Target, IReadOnlyList<string> Sources) : DiskEvent;

    public sealed record BitmapBaseChanged(string Name, BitmapBase Base) : DiskEvent;

    /// <summary>The bits can no longer be trusted; only removal is possible.</summary>
    public sealed record BitmapInvalidated(string Name, string Reason) : DiskEvent;

    public sealed record JobStarted(BackupSpec Spec, DateTimeOffset At) : DiskEvent;

    public sealed record JobPolicyChanged(JobId Job, BitmapSyncPolicy Policy) : DiskEvent;

    /// <summary>The job has copied what it could, and waits for a person to finalize or cancel it. Its sets and its pair stay in the tracking file.</summary>
    public sealed record JobPending(JobId Job, PendingJob Pending) : DiskEvent;

    /// <summary>The node is being stopped in order: the next opening of the disk goes on with the job at the same instant, if the tracking file says the same (rule 17).</summary>
    public sealed record JobSuspended(JobId Job, SuspendedJob Suspended) : DiskEvent;

    /// <summary>Too old to be listed any more.</summary>
    public sealed record JobsForgotten(IReadOnlyList<JobId> Jobs) : DiskEvent;

    /// <summary>The job's end: outcome, what forms the bitmap from here on and its base. The tracking file is settled from this.</summary>
    public sealed record JobConcluded(JobId Job, JobConclusion Conclusion, DateTimeOffset At) : DiskEvent;

    /// <summary>The tracking file no longer holds anything of the job.</summary>
    public sealed record JobSettled(JobId Job) : DiskEvent;

    public sealed record JobDismissed(JobId Job) : DiskEvent;

    /// <summary>The disk has a part in a group: these bitmaps are reserved, and these jobs will start at its instant.</summary>
    /// <param name="Group">Whose coordinator decides from now on.</param>
    /// <param name="Completion">Whether the group's jobs share their outcome.</param>
    /// <param name="Overlays">What its bitmap actions make of bitmaps.</param>
    /// <param name="Jobs">Of this disk in the group; each has a JobStarted of its own.</param>
    /// <param name="At">When.</param>
    public sealed record GroupJoined(
        GroupId Group, GroupCompletion Completion, IReadOnlyList<BitmapOverlay> Overlays, IReadOnlyList<JobId> Jobs, DateTimeOffset At) : DiskEvent
    {
        /// <summary>Bitmaps that were made for its jobs. Each has a BitmapAdded of its own.</summary>
        public IReadOnlyList<string> Made { get; init; } = [];
    }

    /// <summary>What the coordinator has decided: its bitmap actions count from here on, or are gone. Jobs end by it.</summary>
    public sealed record GroupDecided(GroupId Group, GroupDecision Decision) : DiskEvent;

    /// <summary>The decision is carried out, and the coordinator knows how.</summary>
    public sealed record GroupLeft(GroupId Group) : DiskEvent;

    /// <summary>No bitmap counts from the point any more; the repository deletes it next.</summary>
    public sealed record PointDeleted(PointId Point, string RepositoryId) : DiskEvent;

    /// <summary>The repository has deleted it and nothing can bring it back, so that nobody has to remember it.</summary>
    public sealed record PointGone(PointId Point, string RepositoryId) : DiskEvent;
}

/// <summary>A job that waits to be finalized.</summary>
/// <param name="Error">One line, of a job that failed; null = it copied everything.</param>
/// <param name="ErrorCode">Name of a <see cref="RefusalCode"/>.</param>
/// <param name="Statistics">Of what it copied.</param>
/// <param name="BadExtents">What could not be read.</param>
/// <param name="Instant">Of the content.</param>
public sealed record PendingJob(string? Error, string? ErrorCode, JobStatistics Statistics, IReadOnlyList<Extent> BadExtents, DateTimeOffset Instant)
{
    /// <summary>Of a job of a group that waits for its end: a person cancelled it.</summary>
    public bool IsCancelled { get; init; }

    /// <summary>By force.</summary>
    public bool IsForced { get; init; }
}

/// <summary>A job that goes on after the node's next start.</summary>
/// <param name="Generation">Of the disk's tracking file, when the job's run let go of it; whoever goes on must find the same.</param>
/// <param name="Instant">Of the content.</param>
/// <param name="Statistics">Of what is durably copied.</param>
/// <param name="RateBytesPerSecond">0 = unlimited.</param>
/// <param name="IsPaused">It stays paused.</param>
/// <param name="Error">One line: what paused it, if no person did.</param>
/// <param name="ErrorCode">Name of a <see cref="RefusalCode"/>.</param>
public sealed record SuspendedJob(
    ulong Generation, DateTimeOffset Instant, JobStatistics Statistics, long RateBytesPerSecond, bool IsPaused, string? Error, string? ErrorCode);

/// <summary>How a job ended.</summary>
/// <param name="Outcome">Of the job.</param>
/// <param name="Remainder">What the successor is united with.</param>
/// <param name="Base">The bitmap's base from now on; null = unchanged.</param>
/// <param name="Point">The point that was published, complete or partial.</param>
/// <param name="Error">One line, of a job that did not succeed.</param>
/// <param name="ErrorCode">Name of a <see cref="RefusalCode"/>.</param>
/// <param name="Statistics">Final figures.</param>
/// <param name="BadExtents">What could not be read.</param>
public sealed record JobConclusion(
    JobOutcome Outcome,
    BitmapRemainder Remainder,
    BitmapBase? Base,
    PointId? Point,
    string? Error,
    string? ErrorCode,
    JobStatistics Statistics,
    IReadOnlyList<Extent> BadExtents);
