using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>The point that a job's tree and copy bitmap amount to, with what it lacks.</summary>
internal static class PointBuilder
{
    public static SimPoint Build(JobId job, SimPoint? basePoint, DirtyBitmap copyList, DirtyBitmap copy, SimTree tree)
    {
        var missing = MissingBefore(basePoint, copyList).Where(b => !copyList[b]).ToHashSet();
        missing.UnionWith(Blocks(copy));
        return new SimPoint(new PointId(job.Value), tree, missing);
    }

    public static SimPoint BuildFromCopy(JobId job, DirtyBitmap copy, SimTree tree) => new(new PointId(job.Value), tree, Blocks(copy).ToHashSet());

    public static bool LacksOnlyCopy(SimPoint? basePoint, DirtyBitmap copyList) => MissingBefore(basePoint, copyList).All(b => copyList[b]);

    public static IEnumerable<long> Blocks(DirtyBitmap bits)
    {
        for (var block = bits.NextSet(0); block >= 0; block = bits.NextSet(block + 1))
        {
            yield return block;
        }
    }

    private static IEnumerable<long> MissingBefore(SimPoint? basePoint, DirtyBitmap copyList) =>
        basePoint is null ? Enumerable.Range(0, (int)copyList.BlockCount).Select(b => (long)b) : basePoint.Missing;
}
