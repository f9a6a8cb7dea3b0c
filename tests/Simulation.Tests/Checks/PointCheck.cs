using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests.Checks;

/// <summary>A point is the disk at its job's instant, in every block that it does not list as missing.</summary>
internal static class PointCheck
{
    /// <summary>Null, or what is wrong.</summary>
    public static string? Compare(World world, SimPoint point)
    {
        if (!world.Repository.HasTree(point))
        {
            return $"point {point.Id} was published and its tree is not durable";
        }

        if (!world.Instants.TryGetValue(new JobId(point.Id.Value), out var instant))
        {
            return $"point {point.Id} was published by a job without an instant";
        }

        return FirstDifference(world, point, instant) is { } sector
            ? $"{(point.IsComplete ? "complete" : "partial")} point {point.Id} differs from the disk at its instant in sector {sector}"
            : null;
    }

    /// <summary>The first sector in a block of the point that differs.</summary>
    public static long? FirstDifference(World world, SimPoint point, Dictionary<long, byte[]> disk)
    {
        long? first = null;
        ForEachDifference(world, point, disk, sector => first ??= sector);
        return first;
    }

    public static void ForEachDifference(World world, SimPoint point, Dictionary<long, byte[]> disk, Action<long> found)
    {
        var perBlock = world.Geometry.BlockBytes / Inode.SectorBytes;
        var blocks = new HashSet<long>(point.Tree.Blocks.Keys);
        foreach (var sector in disk.Keys)
        {
            blocks.Add(sector / perBlock);
        }

        foreach (var block in blocks)
        {
            if (point.Missing.Contains(block))
            {
                continue;
            }

            var content = point.Tree.Blocks.GetValueOrDefault(block);
            for (var i = 0L; i < perBlock; i++)
            {
                var sector = (block * perBlock) + i;
                var there = content is null ? default : content.AsSpan((int)(i * Inode.SectorBytes), Inode.SectorBytes);
                if (!Same(there, disk.GetValueOrDefault(sector)))
                {
                    found(sector);
                }
            }
        }
    }

    private static bool Same(ReadOnlySpan<byte> point, byte[]? disk) =>
        disk is null ? !point.ContainsAnyExcept((byte)0)
        : point.IsEmpty ? !disk.AsSpan().ContainsAnyExcept((byte)0)
        : point.SequenceEqual(disk);
}
