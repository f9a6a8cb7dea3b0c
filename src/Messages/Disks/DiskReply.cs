using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Messages.Disks;

public abstract record DiskReply
{
    private DiskReply()
    {
    }

    public sealed record Done : DiskReply;

    public sealed record Rejected(Refusal Refusal) : DiskReply;

    public sealed record Disk(DiskView View) : DiskReply;

    public sealed record Bitmaps(IReadOnlyList<BitmapView> Views) : DiskReply;

    public sealed record Extents(IReadOnlyList<Extent> Dirty) : DiskReply;

    public sealed record Jobs(IReadOnlyList<JobView> Views) : DiskReply;

    public sealed record Job(JobView View) : DiskReply;

    public sealed record Watched(JobChanges Changes) : DiskReply;

    public sealed record GroupPart(GroupPartView View) : DiskReply;

    public sealed record Loans(IReadOnlyList<LentBitmap> Lent) : DiskReply;

    /// <summary>An action of a group is refused, and nothing changed.</summary>
    /// <param name="Action">Which of the disk's actions, from 0.</param>
    /// <param name="Refusal">Why.</param>
    public sealed record ActionRejected(int Action, Refusal Refusal) : DiskReply;
}

public enum DiskCondition
{
    Online,
    Stopped,
    Offline,
    Error,
}

public sealed record DiskView(
    DiskDefinition Definition,
    DiskCondition Condition,
    string? Reason,
    PointId? LastPoint,
    DateTimeOffset? LastSuccessAt)
{
    /// <summary>Names of the bitmaps that NBD clients can read.</summary>
    public IReadOnlyList<string> ExportedBitmaps { get; init; } = [];

    /// <summary>The job that left it half restored, so that it is not exported; null = none.</summary>
    public JobId? HalfRestoredBy { get; init; }
}

/// <param name="Name">Unique on the disk.</param>
/// <param name="GranularityBytes">Bytes per bit.</param>
/// <param name="DirtyBytes">Bits set × granularity.</param>
/// <param name="Recording">The bitmap or its successor records writes.</param>
/// <param name="BusyWith">The job that uses it.</param>
/// <param name="Persistent">Outlives the node's process.</param>
/// <param name="InconsistentReason">Why its bits cannot be trusted; null when they can.</param>
/// <param name="Base">What it counts from.</param>
public sealed record BitmapView(
    string Name,
    long GranularityBytes,
    long DirtyBytes,
    bool Recording,
    JobId? BusyWith,
    bool Persistent,
    string? InconsistentReason,
    BitmapBase Base)
{
    /// <summary>NBD clients can read it, so it is as busy as with a job.</summary>
    public bool IsExported { get; init; }

    /// <summary>The group whose actions change it, as busy as with a job; null = none.</summary>
    public GroupId? Group { get; init; }
}

public sealed record JobView
{
    public required JobId Id { get; init; }
    public required JobKind Kind { get; init; }
    public DiskId? Disk { get; init; }
    public RepositoryName? Repository { get; init; }
    public required JobStatus Status { get; init; }
    public JobOutcome? Outcome { get; init; }

    /// <summary>The group at whose instant it started.</summary>
    public GroupId? Group { get; init; }
    public bool IsDismissed { get; init; }
    public SyncMode? Sync { get; init; }
    public SyncMode? RequestedSync { get; init; }
    public string? FallbackReason { get; init; }
    public string? Bitmap { get; init; }
    public BitmapSyncPolicy? Policy { get; init; }
    public JobStatistics Statistics { get; init; } = JobStatistics.Empty;
    public string? Error { get; init; }
    public string? ErrorCode { get; init; }
    public IReadOnlyList<Extent> BadExtents { get; init; } = [];
    public PointId? Point { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public string? Phase { get; init; }
    public long RateBytesPerSecond { get; init; }
    public string? Target { get; init; }

    /// <summary>Where the job serves its instant; null = nowhere.</summary>
    public string? NbdUri { get; init; }

    /// <summary>Waiting longer would not change it: concluded, pending, or paused by an error.</summary>
    public bool IsSettled => (Status == JobStatus.Concluded && !IsRestartDue) || NeedsPerson;

    /// <summary>It has ended and nothing goes on by itself.</summary>
    public bool IsOver => Status == JobStatus.Concluded && !IsRestartDue;

    /// <summary>It waits for finalize or cancel, or for somebody to mend what stopped it and resume it.</summary>
    public bool NeedsPerson => (Status == JobStatus.Pending && !IsDecided) || (Status == JobStatus.Paused && IsStopped);

    /// <summary>An error paused it.</summary>
    public bool IsStopped { get; init; }

    /// <summary>The job whose work this one does again.</summary>
    public JobId? RetryOf { get; init; }

    /// <summary>How often its work is tried again by itself.</summary>
    public int Restarts { get; init; }

    /// <summary>The job that does this one's work again.</summary>
    public JobId? RetriedAs { get; init; }

    /// <summary>It will be tried again by itself.</summary>
    public bool IsRestartDue { get; init; }

    /// <summary>Finalize or cancel was said, and is being carried out.</summary>
    public bool IsDecided { get; init; }
}
