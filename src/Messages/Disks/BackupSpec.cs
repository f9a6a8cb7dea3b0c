using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;

namespace ActorBackup.Messages.Disks;

/// <summary>A backup job as it was decided to run; fixed at its start, save for policy and rate.</summary>
public sealed record BackupSpec
{
    public required JobId Id { get; init; }
    public required RepositoryName Repository { get; init; }
    public required string RepositoryId { get; init; }
    public required SyncMode RequestedSync { get; init; }

    /// <summary>Full, Bitmap or None: incremental and auto have been resolved. With None there is no repository, and its id is empty.</summary>
    public required SyncMode Sync { get; init; }

    /// <summary>Why <see cref="Sync"/> is full although less was asked for.</summary>
    public string? FallbackReason { get; init; }

    public string? Bitmap { get; init; }
    public ulong BitmapSet { get; init; }
    public ulong SuccessorSet { get; init; }
    public BitmapSyncPolicy? Policy { get; init; }

    /// <summary>The point that the new one is laid over; null = every block that is not copied is missing (bitmap) or zero (full).</summary>
    public PointId? Base { get; init; }

    public long RateBytesPerSecond { get; init; }

    /// <summary>Blocks in flight; 0 = as many as help.</summary>
    public int Workers { get; init; }

    public ErrorPolicy OnSourceError { get; init; }

    public ErrorPolicy OnTargetError { get; init; }

    /// <summary>A failing copy-before-write fails the guest's write instead of the job.</summary>
    public bool BreakGuestWrite { get; init; }

    public int CbwTimeoutSeconds { get; init; }

    /// <summary>How often the job's work is tried again by itself when it fails.</summary>
    public int Restarts { get; init; }

    /// <summary>The job that did not succeed and whose work this one does again.</summary>
    public JobId? RetryOf { get; init; }

    /// <summary>How many jobs tried this work by themselves before.</summary>
    public int RestartCount { get; init; }

    /// <summary>The group at whose instant it starts.</summary>
    public GroupId? Group { get; init; }

    /// <summary>It shares the outcome of its group.</summary>
    public bool IsGrouped { get; init; }

    public bool AutoFinalize { get; init; } = true;
    public bool AutoDismiss { get; init; } = true;
}
