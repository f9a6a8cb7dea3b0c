namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>What the generator knows before it chooses the next action.</summary>
/// <param name="Bitmaps">Per disk; alike on both sides.</param>
/// <param name="WithBase">Bitmaps that count from a point: ActorBackup refuses an incremental backup of others.</param>
/// <param name="Pending">Jobs that wait to be finalized or cancelled.</param>
internal sealed record ReplayState(
    IReadOnlyList<IReadOnlyList<BitmapView>> Bitmaps, IReadOnlySet<(int Disk, string Name)> WithBase, IReadOnlyList<PendingJob> Pending)
{
    public bool HasJob(int disk) => Pending.Any(p => p.Backup.Disk == disk);
}

/// <param name="Backup">What it was started with.</param>
/// <param name="Group">Of those that share their outcome; null = none.</param>
internal sealed record PendingJob(ReplayAction.Backup Backup, string? Group);
