using System.Runtime.CompilerServices;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Trees;

/// <summary>Which blocks differ between two images of one shape. Equal subtrees are not read.</summary>
public static class ImageTreeDiff
{
    /// <summary>Ascending runs that do not touch each other.</summary>
    /// <exception cref="StorageException">A node is missing or damaged.</exception>
    public static async IAsyncEnumerable<BlockRun> CompareAsync(
        TreeShape shape, BlockDigest a, BlockDigest b, INodeReader nodes, [EnumeratorCancellation] CancellationToken cancellation)
    {
        BlockRun? open = null;
        await foreach (var block in WalkAsync(a, b, shape.RootLevel, 0, nodes, cancellation).ConfigureAwait(false))
        {
            if (open is { } run && run.End == block)
            {
                open = run with { Count = run.Count + 1 };
                continue;
            }

            if (open is { } ended)
            {
                yield return ended;
            }

            open = new BlockRun(block, 1);
        }

        if (open is { } last)
        {
            yield return last;
        }
    }

    private static async IAsyncEnumerable<long> WalkAsync(
        BlockDigest a, BlockDigest b, int level, long first, INodeReader nodes, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (a == b)
        {
            yield break;
        }

        cancellation.ThrowIfCancellationRequested();
        var left = await ReadAsync(a, level, nodes, cancellation).ConfigureAwait(false);
        var right = await ReadAsync(b, level, nodes, cancellation).ConfigureAwait(false);
        for (var i = 0; i < TreeShape.FanOut; i++)
        {
            if (left[i] == right[i])
            {
                continue;
            }

            var childFirst = first + (i * TreeShape.ChildSpanOf(level));
            if (level == 0)
            {
                yield return childFirst;
                continue;
            }

            await foreach (var block in WalkAsync(left[i], right[i], level - 1, childFirst, nodes, cancellation).ConfigureAwait(false))
            {
                yield return block;
            }
        }
    }

    private static async ValueTask<BlockDigest[]> ReadAsync(BlockDigest digest, int level, INodeReader nodes, CancellationToken cancellation)
    {
        var children = new BlockDigest[TreeShape.FanOut];
        if (!digest.IsNone)
        {
            TreeNode.Decode((await nodes.ReadNodeAsync(digest, cancellation).ConfigureAwait(false)).Span, level, children);
        }

        return children;
    }
}
