using System.Runtime.CompilerServices;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Trees;

/// <summary>Reads one image's tree. Safe from many threads; remembers the leaf it read last.</summary>
public sealed class ImageTree(TreeShape shape, BlockDigest root, INodeReader nodes)
{
    private volatile Leaf? _last;

    public TreeShape Shape { get; } = shape;

    public BlockDigest Root { get; } = root;

    /// <summary>Non-zero blocks of [firstBlock, endBlock), ascending. Memory: one path of nodes.</summary>
    /// <exception cref="StorageException">A node is missing or damaged.</exception>
    public IAsyncEnumerable<BlockEntry> ReadAsync(long firstBlock, long endBlock, CancellationToken cancellation) =>
        WalkAsync(Root, Shape.RootLevel, 0, firstBlock, endBlock, cancellation);

    /// <summary>Fills the digests of consecutive blocks; none = zero.</summary>
    public async ValueTask FillAsync(long firstBlock, Memory<BlockDigest> digests, CancellationToken cancellation)
    {
        var done = 0;
        while (done < digests.Length)
        {
            var block = firstBlock + done;
            var leafFirst = block & ~(long)(TreeShape.FanOut - 1);
            var leaf = _last is { } last && last.First == leafFirst ? last : await ReadLeafAsync(leafFirst, cancellation).ConfigureAwait(false);
            var count = (int)Math.Min(leafFirst + TreeShape.FanOut - block, digests.Length - done);
            leaf.Children.AsSpan((int)(block - leafFirst), count).CopyTo(digests.Span[done..]);
            done += count;
        }
    }

    private async ValueTask<Leaf> ReadLeafAsync(long leafFirst, CancellationToken cancellation)
    {
        var digest = Root;
        var children = new BlockDigest[TreeShape.FanOut];
        for (var level = Shape.RootLevel; level >= 0; level--)
        {
            if (digest.IsNone)
            {
                children.AsSpan().Clear();
                break;
            }

            TreeNode.Decode((await nodes.ReadNodeAsync(digest, cancellation).ConfigureAwait(false)).Span, level, children);
            if (level > 0)
            {
                digest = children[(int)(leafFirst / TreeShape.ChildSpanOf(level) % TreeShape.FanOut)];
            }
        }

        return _last = new Leaf(leafFirst, children);
    }

    private async IAsyncEnumerable<BlockEntry> WalkAsync(
        BlockDigest digest, int level, long first, long from, long to, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (digest.IsNone)
        {
            yield break;
        }

        cancellation.ThrowIfCancellationRequested();
        var children = new BlockDigest[TreeShape.FanOut];
        TreeNode.Decode((await nodes.ReadNodeAsync(digest, cancellation).ConfigureAwait(false)).Span, level, children);
        var span = TreeShape.ChildSpanOf(level);
        for (var i = 0; i < TreeShape.FanOut; i++)
        {
            var childFirst = first + (i * span);
            if (children[i].IsNone || childFirst >= to || childFirst + span <= from)
            {
                continue;
            }

            if (level == 0)
            {
                yield return new BlockEntry(childFirst, children[i]);
                continue;
            }

            await foreach (var entry in WalkAsync(children[i], level - 1, childFirst, from, to, cancellation).ConfigureAwait(false))
            {
                yield return entry;
            }
        }
    }

    private sealed record Leaf(long First, BlockDigest[] Children);
}
