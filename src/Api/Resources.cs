namespace ActorBackup.Api;

// The JSON of the API and of `-o json`: camelCase, absent values are null, sizes are integers in bytes, times RFC 3339 UTC.

public sealed record DiskResource(
    string Id,
    long SizeBytes,
    long Granularity,
    string Backing,
    string? NbdUri,
    string State,
    string? StateReason,
    string? Host,
    int Clients,
    string? LastPoint,
    DateTimeOffset? LastSuccessAt)
{
    public bool ReadOnly { get; init; }

    /// <summary>The export over TCP: <c>nbds://…</c> where clients are to use TLS; null when the node does not serve it over TCP.</summary>
    public string? NbdTcpUri { get; init; }

    /// <summary>Path of the tracking file.</summary>
    public string? TrackingFile { get; init; }

    /// <summary>Bitmaps that clients of the export can read, each as <c>qemu:dirty-bitmap:NAME</c>.</summary>
    public IReadOnlyList<string> ExportedBitmaps { get; init; } = [];

    /// <summary>The restore that did not get to its end, so that the disk is not exported; null = none.</summary>
    public string? HalfRestoredBy { get; init; }
}

public sealed record BitmapResource(
    string Name,
    long Granularity,
    long DirtyBytes,
    bool Recording,
    bool Busy,
    bool Persistent,
    bool Inconsistent,
    string? Base,
    string? BaseRepo,
    string BaseState)
{
    /// <summary>Why the bitmap is inconsistent.</summary>
    public string? InconsistentReason { get; init; }

    /// <summary>Busy because clients of the disk's export can read it.</summary>
    public bool Exported { get; init; }
}

public sealed record ExtentResource(long Offset, long Length);

public sealed record RepositoryResource(
    string Name,
    string Url,
    bool Encrypted,
    bool Default,
    long Points,
    long StoredBytes,
    long LogicalBytes)
{
    public string? Id { get; init; }

    public string State { get; init; } = "online";

    public string? StateReason { get; init; }
}

public sealed record JobResource(
    string Id,
    string Kind,
    string? Disk,
    string? Repo,
    string Status,
    string? Outcome,
    bool Dismissed,
    string? Sync,
    string? RequestedSync,
    string? FallbackReason,
    string? Bitmap,
    string? Policy,
    long BytesTotal,
    long BytesDone,
    long BytesSent,
    long BytesReused,
    long BytesZero,
    string? Error,
    IReadOnlyList<ExtentResource> BadExtents,
    string? Point,
    string? Group,
    DateTimeOffset? StartedAt,
    DateTimeOffset? EndedAt)
{
    /// <summary>Error code of a failed job; null otherwise.</summary>
    public string? ErrorCode { get; init; }

    public string? Phase { get; init; }

    /// <summary>Bytes per second that the job may read; 0 = unlimited.</summary>
    public long RateBytesPerSecond { get; init; }

    /// <summary>True while only a person can move the job on: pending without auto-finalize, or stopped on an error. Null: not said.</summary>
    public bool? NeedsPerson { get; init; }

    /// <summary>The job whose work this one does again.</summary>
    public string? RetryOf { get; init; }

    /// <summary>The job that does this one's work again.</summary>
    public string? RetriedAs { get; init; }

    /// <summary>How often its work is tried again by itself.</summary>
    public int Restarts { get; init; }

    /// <summary>It did not succeed and will be tried again by itself.</summary>
    public bool RestartDue { get; init; }

    /// <summary>Where a restore writes.</summary>
    public string? Target { get; init; }

    /// <summary>Where a backup with sync none serves the disk's instant; null otherwise.</summary>
    public string? NbdUri { get; init; }
}

/// <param name="CompletionMode"><c>grouped</c> or <c>individual</c>.</param>
/// <param name="Status"><c>starting running pending ending concluded</c></param>
/// <param name="Outcome"><c>success failed cancelled</c>, of an individual group also <c>mixed</c>; null until concluded.</param>
public sealed record GroupResource(string Id, string CompletionMode, string Status, string? Outcome, IReadOnlyList<GroupMemberResource> Members)
{
    /// <summary>Why it did not succeed.</summary>
    public string? Error { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Every disk that has a part, also those with bitmap actions only.</summary>
    public IReadOnlyList<string> Disks { get; init; } = [];

    /// <summary>The longest that any disk held its guests' writes.</summary>
    public long? HoldMicroseconds { get; init; }

    /// <summary>How often its work is tried again by itself.</summary>
    public int Restarts { get; init; }

    /// <summary>It did not succeed and will be started again by itself.</summary>
    public bool RestartDue { get; init; }

    /// <summary>The group whose work this one does again.</summary>
    public string? RetryOf { get; init; }

    /// <summary>The group that does this one's work again.</summary>
    public string? RetriedAs { get; init; }
}

public sealed record GroupMemberResource(string Disk, string Job, string? Point, string? Outcome)
{
    public string? Error { get; init; }
}

public sealed record PointResource(
    string Id,
    string Disk,
    string Repo,
    string State,
    IReadOnlyList<ExtentResource> Missing,
    DateTimeOffset CreatedAt,
    long SizeBytes,
    string? Root,
    string? Base,
    string? Job,
    string? Group)
{
    public long Granularity { get; init; }
}

public sealed record ExportResource(string Id, string NbdUri)
{
    /// <summary>The context that says where the point differs from the one that was named; null when none was.</summary>
    public string? DiffContext { get; init; }
}

public sealed record DamageResource(string Digest, string Reason, IReadOnlyList<string> Points, IReadOnlyList<ExtentResource> Extents);

public sealed record VersionResource(string Version);

public sealed record HealthResource(string Status, string Version, DateTimeOffset StartedAt);

public sealed record ClusterResource(IReadOnlyList<ClusterMemberResource> Members, IReadOnlyList<string> Unreachable, string? Leader);

public sealed record ClusterMemberResource(string Address, IReadOnlyList<string> Roles, string Status, string? Host);
