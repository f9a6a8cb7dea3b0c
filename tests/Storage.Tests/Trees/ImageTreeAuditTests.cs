using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Tests.Trees;

public sealed class ImageTreeAuditTests
{
    private readonly MemoryNodes _nodes = new();

    [Fact]
    public async Task A_good_tree_gives_its_blocks()
    {
        var shape = ShapeOf(1100);
        var root = await BuildAsync(shape, [0, 31, 32, 1099]);

        var met = await AuditAsync(shape, root);

        Assert.Equal([0L, 31, 32, 1099], met.Select(m => m.Run.First));
        Assert.All(met, m => Assert.Null(m.Failure));
        Assert.Equal([0, 31, 32, 1099], met.Select(m => m.Digest == Content.Digest((int)m.Run.First) ? (int)m.Run.First : -1));
    }

    [Fact]
    public async Task A_missing_node_costs_its_blocks_and_no_others()
    {
        var shape = ShapeOf(1100);
        var root = await BuildAsync(shape, [0, 40, 1030, 1099]);
        _nodes.Nodes.Remove(LeafOf(40 - 32, 40));

        var met = await AuditAsync(shape, root);

        Assert.Equal([new BlockRun(0, 1), new BlockRun(32, 32), new BlockRun(1030, 1), new BlockRun(1099, 1)], met.Select(m => m.Run));
        Assert.Equal([false, true, false, false], met.Select(m => m.Failure is not null));
    }

    [Fact]
    public async Task A_run_that_cannot_be_read_ends_with_the_disk()
    {
        var shape = ShapeOf(1100);
        var root = await BuildAsync(shape, [0, 1099]);
        _nodes.Nodes.Remove(LeafOf(1099 - 1088, 1099));

        Assert.Equal(new BlockRun(1088, 12), (await AuditAsync(shape, root))[1].Run);
        _nodes.Nodes.Remove(root);
        Assert.Equal([new BlockRun(0, 1100)], (await AuditAsync(shape, root)).Select(m => m.Run));
    }

    [Fact]
    public async Task Blocks_beyond_the_end_are_damage()
    {
        var root = await BuildAsync(ShapeOf(20), [3, 15]);

        var met = await AuditAsync(ShapeOf(10), root);

        Assert.Equal([false, true], met.Select(m => m.Failure is not null));
        Assert.Equal(new BlockRun(9, 1), met[1].Run);
    }

    private static TreeShape ShapeOf(int blocks) => new(new BlockGeometry(blocks * 4096L, 4096));

    private static BlockDigest LeafOf(int index, int block)
    {
        var children = new BlockDigest[TreeShape.FanOut];
        children[index] = Content.Digest(block);
        var bytes = new byte[TreeNode.MaxBytes];
        return BlockDigests.Of(bytes.AsSpan(0, TreeNode.Encode(0, children, bytes)));
    }

    private ValueTask<BlockDigest> BuildAsync(TreeShape shape, int[] blocks) =>
        ImageTreeUpdater.ApplyAsync(shape, default, [.. blocks.Select(b => new BlockChange(b, 1, Content.Digest(b)))], _nodes, CancellationToken.None);

    private async Task<List<AuditedBlocks>> AuditAsync(TreeShape shape, BlockDigest root)
    {
        var met = new List<AuditedBlocks>();
        await foreach (var blocks in ImageTreeAudit.WalkAsync(shape, root, _nodes, CancellationToken.None))
        {
            met.Add(blocks);
        }

        return met;
    }
}
