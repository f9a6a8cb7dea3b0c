using System.Runtime.CompilerServices;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Trees;

/// <summary>What an audit meets: a block, or a run of blocks whose node cannot be read.</summary>
/// <param name="Run">Blocks.</param>
/// <param name="Digest">Of the block; none for a run that cannot be read.</param>
/// <param name="Failure">Why the node above the run cannot be read; null = the tree is good here.</param>
public readonly record struct AuditedBlocks(BlockRun Run, BlockDigest Digest, string? Failure);

/// <summary>Walks a whole tree and goes on past what is damaged.</summary>
public static class ImageTreeAudit
{
    public static IAsyncEnumerable<AuditedBlocks> WalkAsync(TreeShape shape, BlockDigest root, INodeReader nodes, CancellationToken cancellation) =>
        WalkAsync(shape, root, shape.RootLevel, 0, nodes, cancellation);

    private static async IAsyncEnumerable<AuditedBlocks> WalkAsync(
        TreeShape shape, BlockDigest digest, int level, long first, INodeReader nodes, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (digest.IsNone)
        {
            yield break;
        }

        cancellation.ThrowIfCancellationRequested();
        var children = new BlockDigest[TreeShape.FanOut];
        if (await TryReadAsync(digest, level, children, nodes, cancellation).ConfigureAwait(false) is { } failure)
        {
            var end = Math.Min(shape.BlockCount, first + TreeShape.SpanOf(level));
            yield return new AuditedBlocks(new BlockRun(first, end - first), default, failure);
            yield break;
        }

        var span = TreeShape.ChildSpanOf(level);
        for (var i = 0; i < TreeShape.FanOut; i++)
        {
            var childFirst = first + (i * span);
            if (children[i].IsNone)
            {
                continue;
            }

            if (childFirst >= shape.BlockCount)
            {
                yield return new AuditedBlocks(new BlockRun(shape.BlockCount - 1, 1), default, "the tree has blocks beyond the disk's end");
            }
            else if (level == 0)
            {
                yield return new AuditedBlocks(new BlockRun(childFirst, 1), children[i], null);
            }
            else
            {
                await foreach (var below in WalkAsync(shape, children[i], level - 1, childFirst, nodes, cancellation).ConfigureAwait(false))
                {
                    yield return below;
                }
            }
        }
    }

    private static async ValueTask<string?> TryReadAsync(
        BlockDigest digest, int level, BlockDigest[] children, INodeReader nodes, CancellationToken cancellation)
    {
        try
        {
            TreeNode.Decode((await nodes.ReadNodeAsync(digest, cancellation).ConfigureAwait(false)).Span, level, children);
            return null;
        }
        catch (StorageException e)
        {
            return e.Message;
        }
    }
}
