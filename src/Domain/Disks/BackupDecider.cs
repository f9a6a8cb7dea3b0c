using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using static ActorBackup.Domain.Decision<ActorBackup.Messages.Disks.DiskEvent>;

namespace ActorBackup.Domain.Disks;

/// <summary>What a backup that was asked for becomes: full or bitmap, over which base, or a refusal.</summary>
public static class BackupDecider
{
    /// <param name="state">Of the disk.</param>
    /// <param name="disk">Its id.</param>
    /// <param name="order">What was asked for.</param>
    /// <param name="baseIsThere">Whether the repository still has the bitmap's base; asked only when <see cref="BaseToLookFor"/> names one.</param>
    /// <param name="id">Of the new job.</param>
    /// <param name="now">The time of the decision.</param>
    public static Decision<DiskEvent> Start(
        DiskState state, DiskId disk, BackupOrder order, bool baseIsThere, JobId id, DateTimeOffset now)
    {
        if (BitmapDecider.Online(state, disk) is { } offline)
        {
            return offline;
        }

        if (BackupArguments.Refusal(order.Sync, order.Bitmap is not null, order.Policy) is { } refusal)
        {
            // As in QEMU, a bitmap that does not exist is reported before most of the table.
            return order.Bitmap is { } named && order.Sync != SyncMode.Incremental && !state.Bitmaps.ContainsKey(named) && order.Sync != SyncMode.Auto
                ? BitmapDecider.Find(state, disk, named, true, out _)!
                : Refuse(RefusalCode.InvalidPolicy, refusal);
        }

        var spec = new BackupSpec
        {
            Id = id,
            Repository = order.Repository,
            RepositoryId = order.RepositoryId,
            RequestedSync = order.Sync,
            Sync = order.Sync == SyncMode.None ? SyncMode.None : SyncMode.Full,
            RateBytesPerSecond = order.RateBytesPerSecond,
            Workers = order.Workers,
            OnSourceError = order.OnSourceError,
            OnTargetError = order.OnTargetError,
            Restarts = order.Restarts,
            RetryOf = order.RetryOf,
            RestartCount = order.RestartCount,
            BreakGuestWrite = order.BreakGuestWrite,
            CbwTimeoutSeconds = order.CbwTimeoutSeconds,
            AutoFinalize = order.AutoFinalize,
            AutoDismiss = order.AutoDismiss,
        };
        return order.Sync == SyncMode.Auto
            ? StartAuto(state, disk, order, spec, baseIsThere, now)
            : order.Bitmap is { } bitmap
                ? StartWithBitmap(state, disk, order, spec, bitmap, baseIsThere, now)
                : Accept(new DiskEvent.JobStarted(spec, now));
    }

    /// <summary>The point that must be looked for in the order's repository before the decision; null when none matters.</summary>
    public static PointId? BaseToLookFor(DiskState state, BackupOrder order)
    {
        var name = order.Sync == SyncMode.Auto ? AutoBitmap(order.Repository) : order.Bitmap;
        return name is not null && state.Bitmaps.TryGetValue(name, out var bitmap) && bitmap.Base.RepositoryId == order.RepositoryId
            ? bitmap.Base.Point
            : null;
    }

    public static string AutoBitmap(RepositoryName repository) => $"auto.{repository}";

    /// <summary>What a group that is started again asks for: the work of the job that it names, as the disk knows it by now.</summary>
    public static BackupOrder Again(BackupOrder order, DiskState state) =>
        order.RetryOf is { } failed && state.Jobs.TryGetValue(failed.Value, out var job)
            ? Retry(job, state) with { Restarts = order.Restarts, RestartCount = order.RestartCount }
            : order;

    /// <summary>The same work again: over the base that the failed run left, if it left one, else as it was first asked for.</summary>
    public static BackupOrder Retry(JobState job, DiskState state)
    {
        var spec = job.Spec;
        var order = new BackupOrder
        {
            Repository = spec.Repository,
            RepositoryId = spec.RepositoryId,
            Sync = spec.RequestedSync,
            Bitmap = spec.RequestedSync == SyncMode.Auto ? null : spec.Bitmap,
            Policy = spec.RequestedSync is SyncMode.Auto ? null : job.Policy,
            RateBytesPerSecond = spec.RateBytesPerSecond,
            Workers = spec.Workers,
            OnSourceError = spec.OnSourceError,
            OnTargetError = spec.OnTargetError,
            Restarts = spec.Restarts,
            RetryOf = spec.Id,
            BreakGuestWrite = spec.BreakGuestWrite,
            CbwTimeoutSeconds = spec.CbwTimeoutSeconds,
            AutoFinalize = spec.AutoFinalize,
            AutoDismiss = spec.AutoDismiss,
        };
        var keptWork = spec.Bitmap is { } name
            && state.Bitmaps.TryGetValue(name, out var bitmap)
            && bitmap.Base.State is BaseState.Valid or BaseState.Partial
            && bitmap.Base.RepositoryId == spec.RepositoryId
            && bitmap.Base.Point?.Value == spec.Id.Value;
        if (keptWork)
        {
            return order.Sync == SyncMode.Full ? order with { Sync = SyncMode.Bitmap } : order;
        }

        if (spec.RequestedSync == SyncMode.Auto)
        {
            return order;
        }

        // A differential that fell back to full gave its bitmap up: it is a plain full backup by now.
        return spec.RequestedSync != SyncMode.Full && spec.Bitmap is null
            ? order with { Sync = SyncMode.Full }
            : order with { FallbackToFull = spec.FallbackReason is not null, WithoutBase = spec.Sync == SyncMode.Bitmap && spec.Base is null };
    }

    private static Decision<DiskEvent> StartAuto(
        DiskState state, DiskId disk, BackupOrder order, BackupSpec spec, bool baseIsThere, DateTimeOffset now)
    {
        var name = AutoBitmap(order.Repository);
        spec = spec with { Bitmap = name, Policy = BitmapSyncPolicy.Always };
        if (!state.Bitmaps.TryGetValue(name, out var bitmap))
        {
            if (BitmapDecider.TakenByGroup(state, disk, name) is { } taken)
            {
                return taken;
            }

            var added = new DiskEvent.BitmapAdded(
                name, state.NextSetId, state.Definition!.BlockBytes, Recording: true, Persistent: true, BitmapBase.None);
            spec = spec with
            {
                BitmapSet = state.NextSetId,
                SuccessorSet = state.NextSetId + 1,
                FallbackReason = $"this disk has not been backed up to '{order.Repository}' before",
            };
            return Accept(added, new DiskEvent.JobStarted(spec, now));
        }

        if (BitmapDecider.Find(state, disk, name, needConsistent: true, out _) is { } refused)
        {
            return refused;
        }

        spec = spec with { BitmapSet = bitmap.SetId, SuccessorSet = state.NextSetId };
        var unusable = !bitmap.Recording ? "the bitmap is disabled" : BaseRefusal(bitmap, order, baseIsThere)?.Message;
        return Accept(new DiskEvent.JobStarted(
            unusable is null
                ? spec with { Sync = SyncMode.Bitmap, Base = bitmap.Base.Point }
                : spec with { Sync = SyncMode.Full, FallbackReason = unusable },
            now));
    }

    private static Decision<DiskEvent> StartWithBitmap(
        DiskState state, DiskId disk, BackupOrder order, BackupSpec spec, string name, bool baseIsThere, DateTimeOffset now)
    {
        if (BitmapDecider.Find(state, disk, name, needConsistent: true, out var bitmap) is { } refused)
        {
            return refused;
        }

        spec = spec with
        {
            Bitmap = name,
            BitmapSet = bitmap!.SetId,
            SuccessorSet = state.NextSetId,
            Policy = order.Sync == SyncMode.Incremental ? BitmapSyncPolicy.Conditional : order.Policy,
        };
        if (order.Sync == SyncMode.Full)
        {
            return Accept(new DiskEvent.JobStarted(spec, now));
        }

        spec = spec with { Sync = SyncMode.Bitmap };
        if (order.WithoutBase)
        {
            // Its success would move the base to a point that lacks everything but these blocks (rule 14).
            return spec.Policy != BitmapSyncPolicy.Never && bitmap.Base.State != BaseState.None && bitmap.Base.RepositoryId != order.RepositoryId
                ? Refuse(
                    RefusalCode.BaseElsewhere,
                    $"bitmap '{name}' counts from a point in another repository, which '--base none' would make it forget; use policy 'never', or '--sync full'")
                : Accept(new DiskEvent.JobStarted(spec, now));
        }

        var noBase = BaseRefusal(bitmap, order, baseIsThere);
        if (noBase is null)
        {
            return Accept(new DiskEvent.JobStarted(spec with { Base = bitmap.Base.Point }, now));
        }

        if (order.FallbackToFull)
        {
            return spec.Policy == BitmapSyncPolicy.Never
                ? Accept(new DiskEvent.JobStarted(
                    spec with { Sync = SyncMode.Full, FallbackReason = noBase.Message, Bitmap = null, BitmapSet = 0, SuccessorSet = 0, Policy = null }, now))
                : Accept(new DiskEvent.JobStarted(spec with { Sync = SyncMode.Full, FallbackReason = noBase.Message }, now));
        }

        // A bitmap job over nothing copies just its blocks into a partial point, as QEMU's would into an empty target.
        return noBase.Code == RefusalCode.NoBase && order.Sync == SyncMode.Bitmap
            ? Accept(new DiskEvent.JobStarted(spec, now))
            : Refuse(noBase.Code, $"{noBase.Message}; run a full backup ('--sync full --bitmap {name}') or add '--fallback full'");
    }

    private static Refusal? BaseRefusal(BitmapState bitmap, BackupOrder order, bool baseIsThere) =>
        bitmap.Base.State switch
        {
            BaseState.None => new Refusal(RefusalCode.NoBase, $"bitmap '{bitmap.Name}' has no base"),
            _ when bitmap.Base.RepositoryId != order.RepositoryId =>
                new Refusal(RefusalCode.BaseElsewhere, $"the base of bitmap '{bitmap.Name}' is in another repository than '{order.Repository}'"),
            _ when !baseIsThere =>
                new Refusal(RefusalCode.BaseLost, $"the base {bitmap.Base.Point} of bitmap '{bitmap.Name}' is no longer in repository '{order.Repository}'"),
            _ => null,
        };
}
