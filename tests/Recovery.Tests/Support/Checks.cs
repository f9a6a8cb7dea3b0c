using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Domain.Disks;
using ActorBackup.Storage.Points;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>What must be so whenever nothing is going on: what lies in bitmaps, points and disk fits together.</summary>
internal static class Checks
{
    public static async Task AllAsync(World world, Node node, string when)
    {
        await DiskAsync(world, node, when);
        foreach (var name in world.Repositories.Values)
        {
            await PointsAsync(world, node, name.Value, when);
        }

        foreach (var bitmap in node.State.Bitmaps.Values)
        {
            await CompareWithBaseAsync(world, node, bitmap, when);
        }
    }

    /// <summary>The disk is what the guest made of it.</summary>
    private static async Task DiskAsync(World world, Node node, string when)
    {
        var disk = await ReadAsync(node.Disk);
        Assert.True(disk.AsSpan().SequenceEqual(world.Content), $"{when}: the disk is not what the guest wrote");
    }

    /// <summary>Each point is the disk at its job's instant, where it does not list a block as missing. A complete one lists none.</summary>
    private static async Task PointsAsync(World world, Node node, string repository, string when)
    {
        if (node.Files.Away.Contains(MachineRepositories.DirectoryOf(new(repository))) || node.Repositories.Detached.Contains(world.IdOf(repository)))
        {
            return;
        }

        var open = await world.OpenAsync(node, repository);
        var listing = await open.Data.Points.ListAsync(CancellationToken.None);
        Assert.True(listing.Damaged.Count == 0, $"{when}: damaged points in {repository}");
        foreach (var point in listing.Points)
        {
            Assert.True(world.Instants.TryGetValue(point.Job, out var instant), $"{when}: point {point.Id} is of no known job");
            var bytes = await ReadAsync(open.DeviceOf(point));
            var missing = BlocksOf(point);
            for (var block = 0L; block < world.Geometry.BlockCount; block++)
            {
                Assert.True(
                    missing.Contains(block) || BlockOf(bytes, world.Geometry, block).SequenceEqual(BlockOf(instant!, world.Geometry, block)),
                    $"{when}: block {block} of {(point.IsComplete ? "complete" : "partial")} point {point.Id} is not what the disk had at its instant");
            }
        }
    }

    /// <summary>Invariant T1.</summary>
    private static async Task CompareWithBaseAsync(World world, Node node, BitmapState bitmap, string when)
    {
        Assert.True(
            (bitmap.InconsistentReason ?? node.Disk.InconsistentReason(bitmap.SetId)) is null,
            $"{when}: bitmap {bitmap.Name} is inconsistent: {bitmap.InconsistentReason ?? node.Disk.InconsistentReason(bitmap.SetId)}");
        if (bitmap.Base is not { Point: { } id, RepositoryId: { } repositoryId } || !world.Repositories.TryGetValue(repositoryId, out var name)
            || node.Files.Away.Contains(MachineRepositories.DirectoryOf(name)) || node.Repositories.Detached.Contains(repositoryId))
        {
            return;
        }

        Assert.True(bitmap.Recording, $"{when}: disabled bitmap {bitmap.Name} has a base");
        var open = await world.OpenAsync(node, name.Value);
        if (await open.Data.Points.TryGetAsync(id, CancellationToken.None) is not { } point)
        {
            return;
        }

        var bytes = await ReadAsync(open.DeviceOf(point));
        var missing = BlocksOf(point);
        var dirty = DirtySectors(world, node, bitmap);
        for (var sector = 0; sector < dirty.Length; sector++)
        {
            var (offset, length) = (sector * Granularity.SectorBytes, (int)Granularity.SectorBytes);
            Assert.True(
                dirty[sector] || missing.Contains(world.Geometry.IndexOf(offset)) || bytes.AsSpan((int)offset, length).SequenceEqual(world.Content.AsSpan((int)offset, length)),
                $"{when}: bitmap {bitmap.Name} does not claim sector {sector}, which differs from its base {id} (T1)");
        }
    }

    /// <summary>What the bitmap claims, with the other sets of a job that holds it.</summary>
    public static bool[] DirtySectors(World world, Node node, BitmapState bitmap)
    {
        var sectors = new bool[world.Content.Length / Granularity.SectorBytes];
        foreach (var extent in ExtentsOf(node, bitmap))
        {
            var first = extent.Offset / Granularity.SectorBytes;
            sectors.AsSpan((int)first, (int)Math.Min(extent.Length / Granularity.SectorBytes, sectors.Length - first)).Fill(true);
        }

        return sectors;
    }

    /// <summary>The same in blocks.</summary>
    public static HashSet<long> DirtyBlocks(World world, Node node, BitmapState bitmap) => BlocksOf(world.Geometry, ExtentsOf(node, bitmap));

    public static HashSet<long> BlocksOf(BlockGeometry geometry, IEnumerable<Extent> extents)
    {
        var blocks = new DirtyBitmap(geometry);
        foreach (var extent in extents)
        {
            blocks.MarkBytes(extent.Offset, extent.Length);
        }

        return BlocksOf(blocks);
    }

    public static HashSet<long> BlocksOf(DirtyBitmap bitmap)
    {
        var blocks = new HashSet<long>();
        foreach (var run in bitmap.Runs())
        {
            for (var block = run.First; block < run.End; block++)
            {
                blocks.Add(block);
            }
        }

        return blocks;
    }

    public static HashSet<long> BlocksOf(RecoveryPoint point)
    {
        var missing = new DirtyBitmap(point.Geometry);
        foreach (var run in point.Missing)
        {
            missing.MarkRange(run.First, run.End);
        }

        return BlocksOf(missing);
    }

    public static async Task<byte[]> ReadAsync(IBlockDevice device)
    {
        var bytes = new byte[device.SizeBytes];
        await device.ReadAsync(0, bytes, CancellationToken.None);
        return bytes;
    }

    private static IEnumerable<Extent> ExtentsOf(Node node, BitmapState bitmap) =>
        bitmap.BusyWith is { } job
            ? [.. node.Disk.Extents(bitmap.SetId), .. node.Disk.Extents(node.State.Jobs[job.Value].Spec.SuccessorSet)]
            : node.Disk.Extents(bitmap.SetId);

    private static ReadOnlySpan<byte> BlockOf(byte[] bytes, BlockGeometry geometry, long block) =>
        bytes.AsSpan((int)geometry.OffsetOf(block), (int)geometry.LengthOf(block));
}
