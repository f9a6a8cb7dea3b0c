using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Backups;

/// <summary>A backup job that runs in this process, as its disk sees it.</summary>
public sealed record RunningJob(BackupSpec Spec, JobControl Control, JobProgress Progress, Func<DirtyBitmap?> CopyBitmap, Func<IReadOnlyList<Extent>> BadExtents, Task Begun)
{
    /// <summary>Where the job serves its instant; null = nowhere.</summary>
    public Func<string?> Uri { get; init; } = () => null;
}
