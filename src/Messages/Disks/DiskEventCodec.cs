using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Groups;
using Google.Protobuf;
using W = ActorBackup.Messages.Disks.Wire;

namespace ActorBackup.Messages.Disks;

/// <summary>Disk events to and from their journal bytes. Manifests are permanent.</summary>
public static class DiskEventCodec
{
    public static string ManifestOf(DiskEvent e) =>
        e switch
        {
            DiskEvent.DiskAdded => "disk.added.1",
            DiskEvent.DiskRemoved => "disk.removed.1",
            DiskEvent.DiskStopped => "disk.stopped.1",
            DiskEvent.DiskStarted => "disk.started.1",
            DiskEvent.DiskResizeIntended => "disk.resizing.1",
            DiskEvent.DiskResized => "disk.resized.1",
            DiskEvent.DiskMoved => "disk.moved.1",
            DiskEvent.DiskExported => "disk.exported.1",
            DiskEvent.DiskUnexported => "disk.unexported.1",
            DiskEvent.DiskRestoreBegun => "disk.restoring.1",
            DiskEvent.DiskRestoreEnded => "disk.restored.1",
            DiskEvent.BitmapAdded => "bitmap.added.1",
            DiskEvent.BitmapRemoved => "bitmap.removed.1",
            DiskEvent.BitmapCleared => "bitmap.cleared.1",
            DiskEvent.BitmapRecordingChanged => "bitmap.recording.1",
            DiskEvent.BitmapMerged => "bitmap.merged.1",
            DiskEvent.BitmapBaseChanged => "bitmap.base.1",
            DiskEvent.BitmapInvalidated => "bitmap.invalid.1",
            DiskEvent.JobStarted => "job.started.1",
            DiskEvent.JobPolicyChanged => "job.policy.1",
            DiskEvent.JobPending => "job.pending.1",
            DiskEvent.JobSuspended => "job.suspended.1",
            DiskEvent.JobsForgotten => "job.forgotten.1",
            DiskEvent.JobConcluded => "job.concluded.1",
            DiskEvent.JobSettled => "job.settled.1",
            DiskEvent.JobDismissed => "job.dismissed.1",
            DiskEvent.GroupJoined => "disk.group.joined.1",
            DiskEvent.GroupDecided => "disk.group.decided.1",
            DiskEvent.GroupLeft => "disk.group.left.1",
            DiskEvent.PointDeleted => "point.deleted.1",
            DiskEvent.PointGone => "point.gone.1",
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "An event without a manifest cannot be stored."),
        };

    public static byte[] Encode(DiskEvent e) => ToWire(e).ToByteArray();

    /// <exception cref="NotSupportedException">The manifest is of a newer version.</exception>
    public static DiskEvent Decode(string manifest, byte[] bytes) =>
        manifest switch
        {
            "disk.added.1" => From(W.DiskAdded.Parser.ParseFrom(bytes)),
            "disk.removed.1" => new DiskEvent.DiskRemoved(Time(W.DiskRemoved.Parser.ParseFrom(bytes).AtUnixMs)),
            "disk.stopped.1" => new DiskEvent.DiskStopped(Time(W.DiskStopped.Parser.ParseFrom(bytes).AtUnixMs)),
            "disk.started.1" => new DiskEvent.DiskStarted(Time(W.DiskStarted.Parser.ParseFrom(bytes).AtUnixMs)),
            "disk.resizing.1" => From(W.DiskResizeIntended.Parser.ParseFrom(bytes)),
            "disk.resized.1" => From(W.DiskResized.Parser.ParseFrom(bytes)),
            "disk.moved.1" => From(W.DiskMoved.Parser.ParseFrom(bytes)),
            "disk.exported.1" => From(W.DiskExported.Parser.ParseFrom(bytes)),
            "disk.unexported.1" => new DiskEvent.DiskUnexported(Time(W.DiskUnexported.Parser.ParseFrom(bytes).AtUnixMs)),
            "disk.restoring.1" => From(W.DiskRestoreBegun.Parser.ParseFrom(bytes)),
            "disk.restored.1" => new DiskEvent.DiskRestoreEnded(Time(W.DiskRestoreEnded.Parser.ParseFrom(bytes).AtUnixMs)),
            "bitmap.added.1" => From(W.BitmapAdded.Parser.ParseFrom(bytes)),
            "bitmap.removed.1" => new DiskEvent.BitmapRemoved(W.BitmapRemoved.Parser.ParseFrom(bytes).Name),
            "bitmap.cleared.1" => new DiskEvent.BitmapCleared(W.BitmapCleared.Parser.ParseFrom(bytes).Name),
            "bitmap.recording.1" => From(W.BitmapRecordingChanged.Parser.ParseFrom(bytes)),
            "bitmap.merged.1" => From(W.BitmapMerged.Parser.ParseFrom(bytes)),
            "bitmap.base.1" => From(W.BitmapBaseChanged.Parser.ParseFrom(bytes)),
            "bitmap.invalid.1" => From(W.BitmapInvalidated.Parser.ParseFrom(bytes)),
            "job.started.1" => From(W.JobStarted.Parser.ParseFrom(bytes)),
            "job.policy.1" => From(W.JobPolicyChanged.Parser.ParseFrom(bytes)),
            "job.pending.1" => From(W.JobPending.Parser.ParseFrom(bytes)),
            "job.suspended.1" => From(W.JobSuspended.Parser.ParseFrom(bytes)),
            "job.forgotten.1" => new DiskEvent.JobsForgotten([.. W.JobsForgotten.Parser.ParseFrom(bytes).Jobs.Select(j => new JobId(j))]),
            "job.concluded.1" => From(W.JobConcluded.Parser.ParseFrom(bytes)),
            "job.settled.1" => new DiskEvent.JobSettled(new JobId(W.JobSettled.Parser.ParseFrom(bytes).Job)),
            "job.dismissed.1" => new DiskEvent.JobDismissed(new JobId(W.JobDismissed.Parser.ParseFrom(bytes).Job)),
            "disk.group.joined.1" => From(W.GroupJoined.Parser.ParseFrom(bytes)),
            "disk.group.decided.1" => From(W.GroupDecided.Parser.ParseFrom(bytes)),
            "disk.group.left.1" => new DiskEvent.GroupLeft(new GroupId(W.GroupLeft.Parser.ParseFrom(bytes).Group)),
            "point.deleted.1" => From(W.PointDeleted.Parser.ParseFrom(bytes)),
            "point.gone.1" => From(W.PointGone.Parser.ParseFrom(bytes)),
            _ => throw new NotSupportedException($"Disk event '{manifest}' was written by a newer version."),
        };

    private static IMessage ToWire(DiskEvent e) =>
        e switch
        {
            DiskEvent.DiskAdded x => new W.DiskAdded { Definition = ToWire(x.Definition), AtUnixMs = Millis(x.At) },
            DiskEvent.DiskRemoved x => new W.DiskRemoved { AtUnixMs = Millis(x.At) },
            DiskEvent.DiskStopped x => new W.DiskStopped { AtUnixMs = Millis(x.At) },
            DiskEvent.DiskStarted x => new W.DiskStarted { AtUnixMs = Millis(x.At) },
            DiskEvent.DiskResizeIntended x => new W.DiskResizeIntended { SizeBytes = x.SizeBytes, AtUnixMs = Millis(x.At) },
            DiskEvent.DiskResized x => new W.DiskResized { SizeBytes = x.SizeBytes, AtUnixMs = Millis(x.At) },
            DiskEvent.DiskMoved x => new W.DiskMoved { Backing = x.Backing, TrackingPath = x.TrackingPath, AtUnixMs = Millis(x.At) },
            DiskEvent.DiskExported x => new W.DiskExported { Bitmaps = { x.Bitmaps }, AtUnixMs = Millis(x.At) },
            DiskEvent.DiskUnexported x => new W.DiskUnexported { AtUnixMs = Millis(x.At) },
            DiskEvent.DiskRestoreBegun x => new W.DiskRestoreBegun { Job = x.Job.Value, Point = x.Point.Value, AtUnixMs = Millis(x.At) },
            DiskEvent.DiskRestoreEnded x => new W.DiskRestoreEnded { AtUnixMs = Millis(x.At) },
            DiskEvent.BitmapAdded x => new W.BitmapAdded
            {
                Name = x.Name,
                SetId = x.SetId,
                GranularityBytes = x.GranularityBytes,
                Recording = x.Recording,
                Persistent = x.Persistent,
                Base = ConclusionCodec.ToWire(x.Base),
            },
            DiskEvent.BitmapRemoved x => new W.BitmapRemoved { Name = x.Name },
            DiskEvent.BitmapCleared x => new W.BitmapCleared { Name = x.Name },
            DiskEvent.BitmapRecordingChanged x => new W.BitmapRecordingChanged { Name = x.Name, Recording = x.Recording },
            DiskEvent.BitmapMerged x => new W.BitmapMerged { Target = x.Target, Sources = { x.Sources } },
            DiskEvent.BitmapBaseChanged x => new W.BitmapBaseChanged { Name = x.Name, Base = ConclusionCodec.ToWire(x.Base) },
            DiskEvent.BitmapInvalidated x => new W.BitmapInvalidated { Name = x.Name, Reason = x.Reason },
            DiskEvent.JobStarted x => new W.JobStarted { Spec = ToWire(x.Spec), AtUnixMs = Millis(x.At) },
            DiskEvent.JobPolicyChanged x => new W.JobPolicyChanged { Job = x.Job.Value, Policy = (int)x.Policy },
            DiskEvent.JobPending x => ToWire(x),
            DiskEvent.JobSuspended x => ToWire(x),
            DiskEvent.JobsForgotten x => new W.JobsForgotten { Jobs = { x.Jobs.Select(j => j.Value) } },
            DiskEvent.JobConcluded x => new W.JobConcluded { Job = x.Job.Value, Conclusion = ConclusionCodec.ToWire(x.Conclusion), AtUnixMs = Millis(x.At) },
            DiskEvent.JobSettled x => new W.JobSettled { Job = x.Job.Value },
            DiskEvent.JobDismissed x => new W.JobDismissed { Job = x.Job.Value },
            DiskEvent.GroupJoined x => new W.GroupJoined
            {
                Group = x.Group.Value,
                Completion = (int)x.Completion,
                Overlays = { x.Overlays.Select(ToWire) },
                Jobs = { x.Jobs.Select(j => j.Value) },
                AtUnixMs = Millis(x.At),
                Made = { x.Made },
            },
            DiskEvent.GroupDecided x => new W.GroupDecided { Group = x.Group.Value, Decision = (int)x.Decision },
            DiskEvent.GroupLeft x => new W.GroupLeft { Group = x.Group.Value },
            DiskEvent.PointDeleted x => new W.PointDeleted { Point = x.Point.Value, RepositoryId = x.RepositoryId },
            DiskEvent.PointGone x => new W.PointGone { Point = x.Point.Value, RepositoryId = x.RepositoryId },
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "An event without a wire type cannot be stored."),
        };

    private static W.DiskDefinition ToWire(DiskDefinition d) =>
        new()
        {
            Id = d.Id.Value,
            Backing = d.Backing,
            SizeBytes = d.SizeBytes,
            BlockBytes = d.BlockBytes,
            TrackingPath = d.TrackingPath,
            ReadOnly = d.IsReadOnly,
            Host = d.Host,
            Exclusive = d.IsExclusive,
            AssumeDurable = d.AssumeDurable,
        };

    private static W.BackupSpec ToWire(BackupSpec s)
    {
        var wire = new W.BackupSpec
        {
            Id = s.Id.Value,
            Repository = s.Repository.Value,
            RepositoryId = s.RepositoryId,
            RequestedSync = (int)s.RequestedSync,
            Sync = (int)s.Sync,
            BitmapSet = s.BitmapSet,
            SuccessorSet = s.SuccessorSet,
            RateBytesPerSecond = s.RateBytesPerSecond,
            Workers = s.Workers,

            // The flag is older than the policies; what it can say it says.
            IgnoreSourceErrors = s.OnSourceError == ErrorPolicy.Ignore,
            OnSourceError = s.OnSourceError == ErrorPolicy.Ignore ? 0 : (int)s.OnSourceError,
            OnTargetError = (int)s.OnTargetError,
            Restarts = s.Restarts,
            RestartCount = s.RestartCount,
            BreakGuestWrite = s.BreakGuestWrite,
            CbwTimeoutSeconds = s.CbwTimeoutSeconds,
            NoAutoFinalize = !s.AutoFinalize,
            NoAutoDismiss = !s.AutoDismiss,
            Grouped = s.IsGrouped,
        };
        if (s.FallbackReason is { } reason)
        {
            wire.FallbackReason = reason;
        }

        if (s.Bitmap is { } bitmap)
        {
            wire.Bitmap = bitmap;
        }

        if (s.Policy is { } policy)
        {
            wire.Policy = (int)policy;
        }

        if (s.Base is { } basePoint)
        {
            wire.Base = basePoint.Value;
        }

        if (s.RetryOf is { } failed)
        {
            wire.RetryOf = failed.Value;
        }

        if (s.Group is { } group)
        {
            wire.Group = group.Value;
        }

        return wire;
    }

    private static W.BitmapOverlay ToWire(BitmapOverlay o)
    {
        var wire = new W.BitmapOverlay
        {
            Name = o.Name,
            SetId = o.SetId,
            GranularityBytes = o.GranularityBytes,
            Recording = o.Recording,
            Persistent = o.Persistent,
            Base = ConclusionCodec.ToWire(o.Base),
        };
        if (o.AwaitsBaseOf is { } job)
        {
            wire.AwaitsBaseOf = job.Value;
        }

        return wire;
    }

    private static W.JobPending ToWire(DiskEvent.JobPending x)
    {
        var wire = new W.JobPending
        {
            Job = x.Job.Value,
            TotalBytes = x.Pending.Statistics.TotalBytes,
            DoneBytes = x.Pending.Statistics.DoneBytes,
            SentBytes = x.Pending.Statistics.SentBytes,
            ReusedBytes = x.Pending.Statistics.ReusedBytes,
            ZeroBytes = x.Pending.Statistics.ZeroBytes,
            InstantUnixMs = Millis(x.Pending.Instant),
            Cancelled = x.Pending.IsCancelled,
            Forced = x.Pending.IsForced,
        };
        wire.BadExtents.AddRange(x.Pending.BadExtents.Select(e => new W.Extent { Offset = e.Offset, Length = e.Length }));
        if (x.Pending.Error is { } error)
        {
            wire.Error = error;
        }

        if (x.Pending.ErrorCode is { } code)
        {
            wire.ErrorCode = code;
        }

        return wire;
    }

    private static W.JobSuspended ToWire(DiskEvent.JobSuspended x)
    {
        var s = x.Suspended;
        var wire = new W.JobSuspended
        {
            Job = x.Job.Value,
            Generation = s.Generation,
            InstantUnixMs = Millis(s.Instant),
            TotalBytes = s.Statistics.TotalBytes,
            DoneBytes = s.Statistics.DoneBytes,
            SentBytes = s.Statistics.SentBytes,
            ReusedBytes = s.Statistics.ReusedBytes,
            ZeroBytes = s.Statistics.ZeroBytes,
            RateBytesPerSecond = s.RateBytesPerSecond,
            Paused = s.IsPaused,
        };
        if (s.Error is { } error)
        {
            wire.Error = error;
        }

        if (s.ErrorCode is { } code)
        {
            wire.ErrorCode = code;
        }

        return wire;
    }

    private static DiskEvent.DiskAdded From(W.DiskAdded x) =>
        new(
            new DiskDefinition(
                new DiskId(x.Definition.Id),
                x.Definition.Backing,
                x.Definition.SizeBytes,
                x.Definition.BlockBytes,
                x.Definition.TrackingPath,
                x.Definition.ReadOnly,
                x.Definition.Host)
            {
                IsExclusive = x.Definition.Exclusive,
                AssumeDurable = x.Definition.AssumeDurable,
            },
            Time(x.AtUnixMs));

    private static DiskEvent.DiskResizeIntended From(W.DiskResizeIntended x) => new(x.SizeBytes, Time(x.AtUnixMs));

    private static DiskEvent.DiskResized From(W.DiskResized x) => new(x.SizeBytes, Time(x.AtUnixMs));

    private static DiskEvent.DiskMoved From(W.DiskMoved x) => new(x.Backing, x.TrackingPath, Time(x.AtUnixMs));

    private static DiskEvent.DiskRestoreBegun From(W.DiskRestoreBegun x) => new(new JobId(x.Job), new PointId(x.Point), Time(x.AtUnixMs));

    private static DiskEvent.DiskExported From(W.DiskExported x) => new([.. x.Bitmaps], Time(x.AtUnixMs));

    private static DiskEvent.BitmapAdded From(W.BitmapAdded x) =>
        new(x.Name, x.SetId, x.GranularityBytes, x.Recording, x.Persistent, ConclusionCodec.From(x.Base));

    private static DiskEvent.BitmapRecordingChanged From(W.BitmapRecordingChanged x) => new(x.Name, x.Recording);

    private static DiskEvent.BitmapMerged From(W.BitmapMerged x) => new(x.Target, [.. x.Sources]);

    private static DiskEvent.BitmapBaseChanged From(W.BitmapBaseChanged x) => new(x.Name, ConclusionCodec.From(x.Base));

    private static DiskEvent.BitmapInvalidated From(W.BitmapInvalidated x) => new(x.Name, x.Reason);

    private static DiskEvent.JobStarted From(W.JobStarted x) => new(From(x.Spec), Time(x.AtUnixMs));

    private static DiskEvent.JobPolicyChanged From(W.JobPolicyChanged x) => new(new JobId(x.Job), (BitmapSyncPolicy)x.Policy);

    private static DiskEvent.JobPending From(W.JobPending x) =>
        new(
            new JobId(x.Job),
            new PendingJob(
                x.HasError ? x.Error : null,
                x.HasErrorCode ? x.ErrorCode : null,
                new JobStatistics(x.TotalBytes, x.DoneBytes, x.SentBytes, x.ReusedBytes, x.ZeroBytes),
                [.. x.BadExtents.Select(e => new Extent(e.Offset, e.Length))],
                Time(x.InstantUnixMs))
            {
                IsCancelled = x.Cancelled,
                IsForced = x.Forced,
            });

    private static DiskEvent.JobSuspended From(W.JobSuspended x) =>
        new(
            new JobId(x.Job),
            new SuspendedJob(
                x.Generation,
                Time(x.InstantUnixMs),
                new JobStatistics(x.TotalBytes, x.DoneBytes, x.SentBytes, x.ReusedBytes, x.ZeroBytes),
                x.RateBytesPerSecond,
                x.Paused,
                x.HasError ? x.Error : null,
                x.HasErrorCode ? x.ErrorCode : null));

    private static DiskEvent.JobConcluded From(W.JobConcluded x) => new(new JobId(x.Job), ConclusionCodec.From(x.Conclusion), Time(x.AtUnixMs));

    private static DiskEvent.GroupJoined From(W.GroupJoined x) =>
        new(
            new GroupId(x.Group),
            (GroupCompletion)x.Completion,
            [.. x.Overlays.Select(From)],
            [.. x.Jobs.Select(j => new JobId(j))],
            Time(x.AtUnixMs))
        {
            Made = [.. x.Made],
        };

    private static DiskEvent.GroupDecided From(W.GroupDecided x) => new(new GroupId(x.Group), (GroupDecision)x.Decision);

    private static BitmapOverlay From(W.BitmapOverlay o) =>
        new(
            o.Name,
            o.SetId,
            o.GranularityBytes,
            o.Recording,
            o.Persistent,
            ConclusionCodec.From(o.Base),
            o.HasAwaitsBaseOf ? new JobId(o.AwaitsBaseOf) : null);

    private static DiskEvent.PointDeleted From(W.PointDeleted x) => new(new PointId(x.Point), x.RepositoryId);

    private static DiskEvent.PointGone From(W.PointGone x) => new(new PointId(x.Point), x.RepositoryId);

    private static BackupSpec From(W.BackupSpec x) =>
        new()
        {
            Id = new JobId(x.Id),
            Repository = new RepositoryName(x.Repository),
            RepositoryId = x.RepositoryId,
            RequestedSync = (SyncMode)x.RequestedSync,
            Sync = (SyncMode)x.Sync,
            FallbackReason = x.HasFallbackReason ? x.FallbackReason : null,
            Bitmap = x.HasBitmap ? x.Bitmap : null,
            BitmapSet = x.BitmapSet,
            SuccessorSet = x.SuccessorSet,
            Policy = x.HasPolicy ? (BitmapSyncPolicy)x.Policy : null,
            Base = x.HasBase ? new PointId(x.Base) : null,
            RateBytesPerSecond = x.RateBytesPerSecond,
            Workers = x.Workers,
            OnSourceError = x.IgnoreSourceErrors ? ErrorPolicy.Ignore : (ErrorPolicy)x.OnSourceError,
            OnTargetError = (ErrorPolicy)x.OnTargetError,
            Restarts = x.Restarts,
            RetryOf = x.HasRetryOf ? new JobId(x.RetryOf) : null,
            RestartCount = x.RestartCount,
            Group = x.HasGroup ? new GroupId(x.Group) : null,
            IsGrouped = x.Grouped,
            BreakGuestWrite = x.BreakGuestWrite,
            CbwTimeoutSeconds = x.CbwTimeoutSeconds,
            AutoFinalize = !x.NoAutoFinalize,
            AutoDismiss = !x.NoAutoDismiss,
        };

    private static long Millis(DateTimeOffset at) => at.ToUnixTimeMilliseconds();

    private static DateTimeOffset Time(long millis) => DateTimeOffset.FromUnixTimeMilliseconds(millis);
}
