using System.Buffers;
using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Packs;

namespace ActorBackup.Storage.Trees;

/// <summary>Lays changed blocks over a tree: reads and writes only the nodes on changed paths, each once.</summary>
public static class ImageTreeUpdater
{
    /// <returns>The new root; none when every block is zero.</returns>
    /// <param name="shape">Of the disk.</param>
    /// <param name="root">Of the tree below; none = all zero.</param>
    /// <param name="changes">Ascending, not overlapping. Runs of more than one block are zeroes.</param>
    /// <param name="nodes">Reads the old nodes, takes the new ones.</param>
    /// <param name="cancellation">Between nodes.</param>
    public static async ValueTask<BlockDigest> ApplyAsync(
        TreeShape shape, BlockDigest root, IReadOnlyList<BlockChange> changes, INodeWriter nodes, CancellationToken cancellation)
    {
        Check(shape, changes);
        if (changes.Count == 0)
        {
            return root;
        }

        return await new Pass(shape, changes, nodes, cancellation).UpdateAsync(root, shape.RootLevel, 0).ConfigureAwait(false);
    }

    private static void Check(TreeShape shape, IReadOnlyList<BlockChange> changes)
    {
        var end = 0L;
        foreach (var change in changes)
        {
            if (change.FirstBlock < end || change.Count <= 0 || change.FirstBlock > shape.BlockCount - change.Count)
            {
                throw new ArgumentException($"Changes must ascend within the disk and not overlap; block {change.FirstBlock} does not.", nameof(changes));
            }

            if (change.Count > 1 && !change.Digest.IsNone)
            {
                throw new ArgumentException("A run of blocks can only be zero.", nameof(changes));
            }

            end = change.FirstBlock + change.Count;
        }
    }

    /// <summary>One ascending pass: a path of nodes in memory, no more.</summary>
    private sealed class Pass(TreeShape shape, IReadOnlyList<BlockChange> changes, INodeWriter nodes, CancellationToken cancellation)
    {
        private int _next;

        // Blocks before it are done; a run of zeroes may begin before it and go on.
        private long _position;

        public async ValueTask<BlockDigest> UpdateAsync(BlockDigest old, int level, long firstBlock)
        {
            cancellation.ThrowIfCancellationRequested();
            var children = ArrayPool<BlockDigest>.Shared.Rent(TreeShape.FanOut);
            try
            {
                await LoadAsync(old, level, children).ConfigureAwait(false);
                while (_next < changes.Count && Start < firstBlock + TreeShape.SpanOf(level))
                {
                    var child = (int)((Start - firstBlock) / TreeShape.ChildSpanOf(level));
                    await UpdateChildAsync(children, child, level, firstBlock).ConfigureAwait(false);
                }

                return await StoreAsync(old, level, children).ConfigureAwait(false);
            }
            finally
            {
                ArrayPool<BlockDigest>.Shared.Return(children);
            }
        }

        private long Start => Math.Max(changes[_next].FirstBlock, _position);

        /// <summary>Where the change ends; zeroes to the end of the disk cover the rest of the tree, too.</summary>
        private long End => changes[_next].FirstBlock + changes[_next].Count is var end && end == shape.BlockCount && changes[_next].Digest.IsNone ? long.MaxValue : end;

        private async ValueTask UpdateChildAsync(BlockDigest[] children, int child, int level, long firstBlock)
        {
            var span = TreeShape.ChildSpanOf(level);
            var childFirst = firstBlock + (child * span);
            if (Start == childFirst && End >= childFirst + span)
            {
                var whole = (int)Math.Min((End - childFirst) / span, TreeShape.FanOut - child);
                children.AsSpan(child, whole).Fill(changes[_next].Digest);
                Advance(childFirst + (whole * span));
                return;
            }

            children[child] = await UpdateAsync(children[child], level - 1, childFirst).ConfigureAwait(false);
            Advance(childFirst + span);
        }

        private void Advance(long position)
        {
            _position = Math.Max(_position, position);
            while (_next < changes.Count && End <= _position)
            {
                _next++;
            }

            if (_next < changes.Count && _position >= shape.BlockCount)
            {
                _next = changes.Count;
            }
        }

        private async ValueTask LoadAsync(BlockDigest digest, int level, BlockDigest[] children)
        {
            if (digest.IsNone)
            {
                children.AsSpan(0, TreeShape.FanOut).Clear();
                return;
            }

            var bytes = await nodes.ReadNodeAsync(digest, cancellation).ConfigureAwait(false);
            TreeNode.Decode(bytes.Span, level, children);
        }

        private async ValueTask<BlockDigest> StoreAsync(BlockDigest old, int level, BlockDigest[] children)
        {
            var bytes = ArrayPool<byte>.Shared.Rent(TreeNode.MaxBytes);
            try
            {
                var length = TreeNode.Encode(level, children, bytes);
                if (length == 0)
                {
                    return default;
                }

                var digest = BlockDigests.Of(bytes.AsSpan(0, length));
                if (digest != old)
                {
                    await nodes.WriteNodeAsync(digest, bytes.AsMemory(0, length), cancellation).ConfigureAwait(false);
                }

                return digest;
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(bytes);
            }
        }
    }
}
