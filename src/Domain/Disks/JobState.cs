using ActorBackup.Core.Bitmaps;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>A backup job as the journal knows it. Conclusion null = running, or died with its process.</summary>
public sealed record JobState(
    BackupSpec Spec,
    BitmapSyncPolicy? Policy,
    DateTimeOffset StartedAt,
    JobConclusion? Conclusion,
    DateTimeOffset? EndedAt,
    bool IsSettled,
    bool IsDismissed)
{
    /// <summary>It waits for a person; null once it was concluded.</summary>
    public PendingJob? Pending { get; init; }

    /// <summary>It has waited for a person or its group, and may have been concluded since.</summary>
    public bool HadBeenPending { get; init; }

    /// <summary>How it was left at the last orderly stop during which it ran; it may have died since. Null once it waits for a person or was concluded.</summary>
    public SuspendedJob? Suspended { get; init; }
}
