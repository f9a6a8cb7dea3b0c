using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Actors.Backups;

/// <summary>What a job of a group begins with.</summary>
/// <param name="Snapshot">Of the group's instant.</param>
/// <param name="At">The instant, by the clock.</param>
/// <param name="Stored">Completes when the instant is durable, or cannot be. Until then other disks of the group may hold their guests' writes, and the processor is theirs.</param>
public sealed record GroupStart(DiskSnapshot Snapshot, DateTimeOffset At, Task Stored);
