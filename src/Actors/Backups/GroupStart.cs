using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Actors.Backups;

/// <summary>What a job of a group begins with.</summary>
/// <param name="Snapshot">Of the group's instant.</param>
/// <param name="At">The instant, by the clock.</param>
public sealed record GroupStart(DiskSnapshot Snapshot, DateTimeOffset At);
