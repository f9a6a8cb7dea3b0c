using ActorBackup.Actors.Storage;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Backups;

/// <summary>The point that the pair of a job amounts to whose process is gone.</summary>
internal static class PairPoint
{
    /// <summary>Null when there is no pair that can be trusted, its base is gone, or nothing was copied. An aborted job with nothing to copy has none either.</summary>
    public static async Task<RecoveryPoint?> TryBuildAsync(DiskState state, TrackedDisk disk, JobState job, OpenRepository repository, DateTimeOffset at, bool isAborted)
    {
        if (!disk.TryGetCheckpoint(job.Spec.Id, out var pair) || !IsTrusted(state, disk, job))
        {
            return null;
        }

        var basePoint = job.Spec.Base is { } p ? await repository.Data.Points.TryGetAsync(p, CancellationToken.None).ConfigureAwait(false) : null;
        if (job.Spec.Base is not null && basePoint is null)
        {
            return null;
        }

        var copyList = CopyListOf(disk, job, pair.Copy.Geometry);
        return isAborted && pair.Copy.Count() == copyList.Count()
            ? null
            : PointBuilder.Build(state.Definition!, job.Spec, basePoint, copyList, pair.Copy, pair.Root, at, isAborted);
    }

    /// <summary>Under <c>always</c>: whether the pair alone says what the partial point lacks, so that it can be put whenever the repository is there (ADR 3).</summary>
    public static bool IsWholeWithoutRepository(DiskState state, TrackedDisk disk, JobState job)
    {
        if (job is not { Policy: BitmapSyncPolicy.Always, Spec.Bitmap: { } name }
            || !disk.TryGetCheckpoint(job.Spec.Id, out var pair)
            || !IsTrusted(state, disk, job))
        {
            return false;
        }

        var lacksOnlyCopy = job.Spec.Sync == SyncMode.Full
            || (job.Spec.Base is { } from && state.Bitmaps.GetValueOrDefault(name)?.Base is { State: BaseState.Valid } counted && counted.Point == from);
        return lacksOnlyCopy && pair.Copy.Count() < CopyListOf(disk, job, pair.Copy.Geometry).Count();
    }

    /// <summary>What the job was to copy, while the tracking file has its bitmap frozen.</summary>
    public static DirtyBitmap CopyListOf(TrackedDisk disk, JobState job, BlockGeometry geometry)
    {
        var list = new DirtyBitmap(geometry);
        if (job.Spec.Sync == SyncMode.Full)
        {
            list.MarkAll();
            return list;
        }

        foreach (var extent in disk.Extents(job.Spec.BitmapSet))
        {
            list.MarkBytes(extent.Offset, extent.Length);
        }

        return list;
    }

    private static bool IsTrusted(DiskState state, TrackedDisk disk, JobState job) =>
        job.Spec.Bitmap is not { } name
        || (state.Bitmaps.TryGetValue(name, out var bitmap) && disk.InconsistentReason(bitmap.SetId) is null);
}
