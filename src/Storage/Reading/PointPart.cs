using System.Runtime.CompilerServices;
using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Reading;

/// <summary>A piece of a point, for one of several workers: blocks with their digests, or a run of blocks that are zero.</summary>
/// <param name="Blocks">None = the run is zero.</param>
/// <param name="Zero">Where there are no blocks.</param>
internal readonly record struct PointPart(BlockEntry[] Blocks, BlockRun Zero)
{
    private const int BlocksUsual = 64;

    /// <summary>Bounds the digests of a part where blocks are small.</summary>
    private const int BlocksMax = 512;

    /// <summary>Bounds what one worker does between two looks at a cancellation.</summary>
    private const long ZeroBytesMax = 64 * 1024 * 1024;

    /// <summary>How many blocks a part of about so many bytes has; at least one.</summary>
    public static int BlocksFor(int partBytes, int blockBytes) => Math.Clamp(partBytes / blockBytes, 1, BlocksMax);

    /// <summary>As the other, in parts of some blocks.</summary>
    public static IAsyncEnumerable<PointPart> ReadAsync(Repository repository, RecoveryPoint point, CancellationToken cancellation) =>
        ReadAsync(repository, point, BlocksUsual, cancellation);

    /// <summary>All of the point, ascending; every block is in one part. Memory: one path of nodes and one part.</summary>
    /// <exception cref="StorageException">A node is missing or damaged.</exception>
    public static async IAsyncEnumerable<PointPart> ReadAsync(
        Repository repository, RecoveryPoint point, int blocksMax, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var tree = new ImageTree(new TreeShape(point.Geometry), point.Root, repository.Nodes);
        var blocks = new List<BlockEntry>(blocksMax);
        var next = 0L;
        await foreach (var entry in tree.ReadAsync(0, point.Geometry.BlockCount, cancellation).ConfigureAwait(false))
        {
            foreach (var zero in Zeroes(point.Geometry, next, entry.Block))
            {
                yield return zero;
            }

            next = entry.Block + 1;
            blocks.Add(entry);
            if (blocks.Count == blocksMax)
            {
                yield return new PointPart([.. blocks], default);
                blocks.Clear();
            }
        }

        foreach (var zero in Zeroes(point.Geometry, next, point.Geometry.BlockCount))
        {
            yield return zero;
        }

        if (blocks.Count > 0)
        {
            yield return new PointPart([.. blocks], default);
        }
    }

    private static IEnumerable<PointPart> Zeroes(BlockGeometry geometry, long first, long end)
    {
        var most = Math.Max(1, ZeroBytesMax / geometry.BlockBytes);
        for (; first < end; first += most)
        {
            yield return new PointPart([], new BlockRun(first, Math.Min(most, end - first)));
        }
    }
}
