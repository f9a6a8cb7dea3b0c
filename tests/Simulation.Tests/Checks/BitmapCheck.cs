using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;

namespace ActorBackup.Simulation.Tests.Checks;

/// <summary>Compares the bitmaps of an open disk with their shadows and with their bases (invariant T1). Right at any moment between two pieces of work.</summary>
internal sealed class BitmapCheck(World world, TrackedDisk disk, string when)
{
    public void Run()
    {
        foreach (var bitmap in world.Journal.State.Bitmaps.Values)
        {
            if (bitmap.InconsistentReason is null && disk.InconsistentReason(bitmap.SetId) is null && disk.BitmapSets.Contains(bitmap.SetId))
            {
                Compare(bitmap);
            }
        }
    }

    /// <summary>The bits that a bitmap and the other sets of its job claim.</summary>
    public bool[] Actual(BitmapState bitmap, ShadowBitmap shadow)
    {
        var extents = disk.Extents(bitmap.SetId);
        if (bitmap.BusyWith is not { } id)
        {
            return shadow.UnitsOf(extents);
        }

        // Concluded and not settled: of a full job, the copy bitmap has blocks that the bitmap never had.
        var job = world.Journal.State.Jobs[id.Value];
        var copy = job.Conclusion?.Remainder == BitmapRemainder.CopyBitmap && disk.TryGetCheckpoint(id, out var pair) ? pair.Copy.Extents() : [];
        return shadow.UnitsOf([.. extents, .. disk.Extents(job.Spec.SuccessorSet), .. copy]);
    }

    private void Compare(BitmapState bitmap)
    {
        if (!world.Shadows.TryGetValue(bitmap.SetId, out var shadow))
        {
            world.Report($"{when}: the journal knows bitmap {bitmap.Name}, and nobody added it");
            return;
        }

        if (bitmap.BusyWith is { } job && world.Journal.State.Jobs[job.Value].Conclusion?.Remainder == BitmapRemainder.CopyBitmap)
        {
            // What it becomes is decided when it is settled: the tracking file may have a newer pair than the one that goes with the point.
            return;
        }

        world.Statistics.Comparisons++;
        var actual = Actual(bitmap, shadow);
        var (must, may) = (shadow.MustInAll(), shadow.MayInAll());
        for (var unit = 0; unit < actual.Length; unit++)
        {
            if (must[unit] && !actual[unit])
            {
                Report(bitmap, $"lacks unit {unit}, which was written");
                return;
            }

            if (actual[unit] && !may[unit] && !IsInFlight(shadow.Geometry.ExtentOf(unit)))
            {
                Report(bitmap, $"claims unit {unit}, which nobody wrote and no intent covers");
                return;
            }
        }

        CompareWithBase(bitmap, shadow, actual);
    }

    private void CompareWithBase(BitmapState bitmap, ShadowBitmap shadow, bool[] actual)
    {
        if (bitmap.Base is not { State: BaseState.Valid or BaseState.Partial, Point: { } id })
        {
            return;
        }

        var point = world.KnownPoints[id];
        PointCheck.ForEachDifference(world, point, world.Machine.Backing.Cache, sector =>
        {
            var offset = sector * Inode.SectorBytes;
            if (offset < shadow.Geometry.SizeBytes && !actual[shadow.Geometry.IndexOf(offset)])
            {
                Report(bitmap, $"does not claim sector {sector}, which differs from base {id} (T1)");
            }
        });
        foreach (var block in point.Missing)
        {
            var extent = world.Geometry.ExtentOf(block);
            var (first, end) = shadow.Geometry.Touched(extent.Offset, extent.Length);
            for (var unit = first; unit < end; unit++)
            {
                if (!actual[unit])
                {
                    Report(bitmap, $"does not claim block {block}, which its base {id} lacks (T1)");
                    return;
                }
            }
        }
    }

    private bool IsInFlight(Extent unit) => world.InFlight.Exists(w => w.Offset < unit.End && unit.Offset < w.Offset + w.Length);

    private void Report(BitmapState bitmap, string what) =>
        world.Report($"{when}: bitmap {bitmap.Name} (set {bitmap.SetId}, granularity {bitmap.GranularityBytes}, base {bitmap.Base.State} {bitmap.Base.Point}, busy {bitmap.BusyWith}) {what}");
}
