using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using W = ActorBackup.Messages.Groups.Wire;

namespace ActorBackup.Messages.Groups;

/// <summary>Actions of a group to and from what its journal keeps of them, to start it again.</summary>
internal static class GroupActionCodec
{
    public static W.GroupAction ToWire(DiskCommand action)
    {
        var wire = new W.GroupAction { Disk = action.Disk.Value };
        switch (action)
        {
            case DiskCommand.StartBackup c:
                wire.Backup = ToWire(c.Order);
                break;
            case DiskCommand.AddBitmap { Base: null } c:
                wire.AddBitmap = new W.AddBitmapAction { Name = c.Name, Recording = c.Recording, Persistent = c.Persistent };
                if (c.GranularityBytes is { } granularity)
                {
                    wire.AddBitmap.GranularityBytes = granularity;
                }

                break;
            case DiskCommand.ClearBitmap c:
                wire.ClearBitmap = c.Name;
                break;
            case DiskCommand.SetBitmapRecording c:
                wire.SetRecording = new W.SetRecordingAction { Name = c.Name, Recording = c.Recording };
                break;
            case DiskCommand.MergeBitmaps c:
                wire.Merge = new W.MergeAction { Target = c.Target, Sources = { c.Sources.Select(s => new W.BitmapSource { Disk = s.Disk.Value, Name = s.Name }) } };
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(action), action.GetType().Name, "This is no action of a group that can be stored.");
        }

        return wire;
    }

    /// <exception cref="NotSupportedException">The action is of a newer version.</exception>
    public static DiskCommand From(W.GroupAction x)
    {
        var disk = new DiskId(x.Disk);
        return x.ActionCase switch
        {
            W.GroupAction.ActionOneofCase.Backup => new DiskCommand.StartBackup(From(x.Backup)) { Disk = disk },
            W.GroupAction.ActionOneofCase.AddBitmap => new DiskCommand.AddBitmap(
                x.AddBitmap.Name, x.AddBitmap.HasGranularityBytes ? x.AddBitmap.GranularityBytes : null, x.AddBitmap.Recording, x.AddBitmap.Persistent) { Disk = disk },
            W.GroupAction.ActionOneofCase.ClearBitmap => new DiskCommand.ClearBitmap(x.ClearBitmap) { Disk = disk },
            W.GroupAction.ActionOneofCase.SetRecording => new DiskCommand.SetBitmapRecording(x.SetRecording.Name, x.SetRecording.Recording) { Disk = disk },
            W.GroupAction.ActionOneofCase.Merge => new DiskCommand.MergeBitmaps(
                x.Merge.Target, [.. x.Merge.Sources.Select(s => new BitmapAddress(new DiskId(s.Disk), s.Name))]) { Disk = disk },
            _ => throw new NotSupportedException("An action of a group was written by a newer version."),
        };
    }

    private static W.BackupAction ToWire(BackupOrder o)
    {
        var wire = new W.BackupAction
        {
            Repository = o.Repository.Value,
            RepositoryId = o.RepositoryId,
            Sync = (int)o.Sync,
            WithoutBase = o.WithoutBase,
            FallbackToFull = o.FallbackToFull,
            RateBytesPerSecond = o.RateBytesPerSecond,
            Workers = o.Workers,
            OnSourceError = (int)o.OnSourceError,
            OnTargetError = (int)o.OnTargetError,
            BreakGuestWrite = o.BreakGuestWrite,
            CbwTimeoutSeconds = o.CbwTimeoutSeconds,
            Restarts = o.Restarts,
            RestartCount = o.RestartCount,
            NoAutoFinalize = !o.AutoFinalize,
            NoAutoDismiss = !o.AutoDismiss,
        };
        if (o.Bitmap is { } bitmap)
        {
            wire.Bitmap = bitmap;
        }

        if (o.Policy is { } policy)
        {
            wire.Policy = (int)policy;
        }

        if (o.RetryOf is { } failed)
        {
            wire.RetryOf = failed.Value;
        }

        return wire;
    }

    private static BackupOrder From(W.BackupAction x) =>
        new()
        {
            Repository = new RepositoryName(x.Repository),
            RepositoryId = x.RepositoryId,
            Sync = (SyncMode)x.Sync,
            Bitmap = x.HasBitmap ? x.Bitmap : null,
            Policy = x.HasPolicy ? (BitmapSyncPolicy)x.Policy : null,
            WithoutBase = x.WithoutBase,
            FallbackToFull = x.FallbackToFull,
            RateBytesPerSecond = x.RateBytesPerSecond,
            Workers = x.Workers,
            OnSourceError = (ErrorPolicy)x.OnSourceError,
            OnTargetError = (ErrorPolicy)x.OnTargetError,
            BreakGuestWrite = x.BreakGuestWrite,
            CbwTimeoutSeconds = x.CbwTimeoutSeconds,
            Restarts = x.Restarts,
            RetryOf = x.HasRetryOf ? new JobId(x.RetryOf) : null,
            RestartCount = x.RestartCount,
            AutoFinalize = !x.NoAutoFinalize,
            AutoDismiss = !x.NoAutoDismiss,
        };
}
