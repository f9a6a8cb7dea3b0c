using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;

namespace ActorBackup.Actors.Backups;

/// <summary>The point that a job's tree and copy bitmap amount to. What it lacks: what the base lacked and was not copied now, and what is left to copy.</summary>
internal static class PointBuilder
{
    /// <param name="definition">Of the disk.</param>
    /// <param name="spec">Of the job; its id is the point's.</param>
    /// <param name="basePoint">Null = nothing lies below: every block that is not copied is lacking.</param>
    /// <param name="copyList">What the job was to copy.</param>
    /// <param name="copy">What of it is left.</param>
    /// <param name="root">Of the tree with everything that was copied.</param>
    /// <param name="at">The instant of the content.</param>
    /// <param name="isAborted">The job did not succeed.</param>
    /// <param name="guards">Null = all on.</param>
    public static RecoveryPoint Build(
        DiskDefinition definition,
        BackupSpec spec,
        RecoveryPoint? basePoint,
        DirtyBitmap copyList,
        DirtyBitmap copy,
        BlockDigest root,
        DateTimeOffset at,
        bool isAborted,
        CopyGuards? guards = null)
    {
        var missing = guards is { ListWhatBaseLacks: false } ? new DirtyBitmap(copy.Geometry) : MissingBefore(copy.Geometry, basePoint);
        missing.ExceptWith(copyList);
        missing.UnionWith(copy);
        return Point(definition, spec, missing, root, at, isAborted);
    }

    /// <summary>As <see cref="Build"/> for a failed job whose copy list is not known any more; right only where <see cref="LacksOnlyCopy"/> held.</summary>
    public static RecoveryPoint BuildFromCopy(DiskDefinition definition, BackupSpec spec, DirtyBitmap copy, BlockDigest root, DateTimeOffset at) =>
        Point(definition, spec, copy, root, at, isAborted: true);

    /// <summary>Whether the point will lack exactly what is left to copy: the job was to copy everything that lay in no point before.</summary>
    public static bool LacksOnlyCopy(RecoveryPoint? basePoint, DirtyBitmap copyList) =>
        MissingBefore(copyList.Geometry, basePoint).IsSubsetOf(copyList);

    private static DirtyBitmap MissingBefore(BlockGeometry geometry, RecoveryPoint? basePoint)
    {
        var missing = new DirtyBitmap(geometry);
        if (basePoint is null)
        {
            missing.MarkAll();
        }
        else
        {
            foreach (var run in basePoint.Missing)
            {
                missing.MarkRange(run.First, run.First + run.Count);
            }
        }

        return missing;
    }

    private static RecoveryPoint Point(DiskDefinition definition, BackupSpec spec, DirtyBitmap missing, BlockDigest root, DateTimeOffset at, bool isAborted) =>
        new()
        {
            Id = new PointId(spec.Id.Value),
            Disk = definition.Id,
            Job = spec.Id,
            Base = spec.Base,
            Group = spec.Group,
            CreatedAt = at,
            SizeBytes = definition.SizeBytes,
            BlockBytes = (int)definition.BlockBytes,
            Root = root,
            IsAborted = isAborted,
            Missing = [.. missing.Runs().Select(r => new BlockRun(r.First, r.End - r.First))],
        };
}
