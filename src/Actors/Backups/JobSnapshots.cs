using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Actors.Backups;

/// <summary>Which snapshot a job wants.</summary>
internal static class JobSnapshots
{
    /// <param name="spec">Of the job.</param>
    /// <param name="scratchDirectory">Where copy-before-write spills to.</param>
    public static SnapshotRequest RequestOf(BackupSpec spec, string scratchDirectory) =>
        new()
        {
            JobId = spec.Id,
            Freeze = spec.Bitmap is null ? [] : [new FrozenBitmap(spec.BitmapSet, spec.SuccessorSet)],
            CopyBitmapId = spec.Sync == SyncMode.Bitmap ? spec.BitmapSet : null,
            OnCaptureError = spec.BreakGuestWrite ? CaptureErrorPolicy.BreakGuestWrite : CaptureErrorPolicy.BreakSnapshot,
            CaptureTimeout = spec.CbwTimeoutSeconds > 0 ? TimeSpan.FromSeconds(spec.CbwTimeoutSeconds) : null,
            ScratchDirectory = scratchDirectory,
            IsAscending = spec.Workers == 1,
        };
}
