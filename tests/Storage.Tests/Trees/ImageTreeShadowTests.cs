using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Trees;
using CsCheck;

namespace ActorBackup.Storage.Tests.Trees;

/// <summary>Random updates of a tree and of a dictionary beside it, compared after each.</summary>
public sealed class ImageTreeShadowTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    private sealed record Edit(double At, double Span, int Content);

    private static readonly Gen<Edit> Edits = Gen.Select(
        Gen.Double.Unit,
        Gen.OneOf(Gen.Const(0.0), Gen.Double[0, 0.05], Gen.Double.Unit),
        Gen.Int[0, 6],
        (at, span, content) => new Edit(at, span, content));

    // Around full nodes of each level, with and without room in the last one.
    private static readonly int[] Counts = [1, 2, 31, 32, 33, 100, 1023, 1024, 1025, 2000, 32768, 32769, 40_000];

    private static readonly Gen<int> BlockCounts = Gen.Int[0, Counts.Length - 1].Select(i => Counts[i]);

    [Fact]
    public async Task The_tree_agrees_with_a_dictionary_after_every_update() =>
        await Gen.Select(BlockCounts, Edits.List[1, 30].List[1, 6]).SampleAsync(
            async (blockCount, rounds) =>
            {
                var shape = new TreeShape(new BlockGeometry((blockCount * 4096L) - 100, 4096));
                var nodes = new MemoryNodes();
                var shadow = new Dictionary<long, BlockDigest>();
                var root = default(BlockDigest);
                foreach (var edits in rounds)
                {
                    var before = new Dictionary<long, BlockDigest>(shadow);
                    var changes = ChangesOf(edits, blockCount);
                    foreach (var change in changes)
                    {
                        for (var block = change.FirstBlock; block < change.FirstBlock + change.Count; block++)
                        {
                            Set(shadow, block, change.Digest);
                        }
                    }

                    (nodes.Reads, nodes.Writes) = (0, 0);
                    var next = await ImageTreeUpdater.ApplyAsync(shape, root, changes, nodes, None);

                    Assert.InRange(nodes.Writes, 0, PathsOf(shape, changes));
                    Assert.InRange(nodes.Reads, 0, PathsOf(shape, changes));
                    await AssertReadsAsync(new ImageTree(shape, next, nodes), shadow, edits);
                    Assert.Equal(DiffOf(before, shadow), await RunsAsync(ImageTreeDiff.CompareAsync(shape, root, next, nodes, None)));
                    Assert.Equal(DiffOf(before, shadow), await RunsAsync(ImageTreeDiff.CompareAsync(shape, next, root, nodes, None)));
                    Assert.Equal(next, await BuildAsync(shape, shadow, nodes));
                    Assert.Equal(shadow.Count == 0, next.IsNone);
                    root = next;
                }
            },
            iter: 150);

    [Fact]
    public async Task The_root_does_not_depend_on_the_order_of_updates() =>
        await Gen.Select(BlockCounts, Edits.List[1, 40], Gen.Int).SampleAsync(
            async (blockCount, edits, seed) =>
            {
                var shape = new TreeShape(new BlockGeometry(blockCount * 4096L, 4096));
                var nodes = new MemoryNodes();
                var changes = ChangesOf(edits, blockCount);
                var atOnce = await ImageTreeUpdater.ApplyAsync(shape, default, changes, nodes, None);

                var root = default(BlockDigest);
                var shuffled = changes.ToArray();
                new Random(seed).Shuffle(shuffled);
                foreach (var part in shuffled.Chunk(3))
                {
                    root = await ImageTreeUpdater.ApplyAsync(shape, root, [.. part.OrderBy(c => c.FirstBlock)], nodes, None);
                }

                Assert.Equal(atOnce, root);
            },
            iter: 150);

    [Fact]
    public async Task One_changed_block_costs_one_path()
    {
        var shape = new TreeShape(new BlockGeometry(40_000L * 4096, 4096));
        var nodes = new MemoryNodes();
        var root = await BuildAsync(shape, Enumerable.Range(0, 40_000).ToDictionary(i => (long)i, Content.Digest), nodes);
        Assert.Equal(3, shape.RootLevel);
        (nodes.Reads, nodes.Writes) = (0, 0);

        var next = await ImageTreeUpdater.ApplyAsync(shape, root, [new BlockChange(12_345, 1, Content.Digest(-1))], nodes, None);

        Assert.Equal((4, 4), (nodes.Reads, nodes.Writes));
        nodes.Reads = 0;
        Assert.Equal([new BlockRun(12_345, 1)], await RunsAsync(ImageTreeDiff.CompareAsync(shape, root, next, nodes, None)));
        Assert.Equal(8, nodes.Reads);
        nodes.Reads = 0;
        Assert.Empty(await RunsAsync(ImageTreeDiff.CompareAsync(shape, next, next, nodes, None)));
        Assert.Equal(0, nodes.Reads);
    }

    [Fact]
    public async Task A_change_into_what_is_there_writes_nothing_and_keeps_the_root()
    {
        var shape = new TreeShape(new BlockGeometry(2000L * 4096, 4096));
        var nodes = new MemoryNodes();
        var root = await BuildAsync(shape, new() { [5] = Content.Digest(5), [1500] = Content.Digest(6) }, nodes);
        nodes.Writes = 0;

        Assert.Equal(root, await ImageTreeUpdater.ApplyAsync(shape, root, [new BlockChange(5, 1, Content.Digest(5)), new BlockChange(7, 900, default)], nodes, None));
        Assert.Equal(root, await ImageTreeUpdater.ApplyAsync(shape, root, [], nodes, None));

        Assert.Equal(0, nodes.Writes);
    }

    [Fact]
    public async Task A_disk_of_zeroes_has_no_root_and_no_nodes()
    {
        var shape = new TreeShape(new BlockGeometry(40_000L * 4096, 4096));
        var nodes = new MemoryNodes();
        var root = await ImageTreeUpdater.ApplyAsync(shape, default, [new BlockChange(0, 40_000, default)], nodes, None);
        Assert.True(root.IsNone);
        Assert.Empty(nodes.Nodes);

        var full = await BuildAsync(shape, Enumerable.Range(0, 40_000).ToDictionary(i => (long)i, Content.Digest), nodes);
        (nodes.Reads, nodes.Writes) = (0, 0);

        Assert.True((await ImageTreeUpdater.ApplyAsync(shape, full, [new BlockChange(0, 40_000, default)], nodes, None)).IsNone);
        Assert.InRange(nodes.Reads, 0, 1);
        Assert.Equal(0, nodes.Writes);
    }

    [Theory]
    [InlineData(5, 1, 5, 1)]
    [InlineData(5, 3, 7, 1)]
    [InlineData(7, 1, 5, 1)]
    [InlineData(99, 2, -1, 0)]
    [InlineData(100, 1, -1, 0)]
    [InlineData(-1, 1, -1, 0)]
    [InlineData(5, 0, -1, 0)]
    [InlineData(long.MaxValue, 1, -1, 0)]
    public async Task Changes_that_overlap_descend_or_leave_the_disk_are_refused(long first, long count, long second, long secondCount)
    {
        var shape = new TreeShape(new BlockGeometry(100L * 4096, 4096));
        List<BlockChange> changes = [new(first, count, default)];
        if (second >= 0)
        {
            changes.Add(new BlockChange(second, secondCount, default));
        }

        await Assert.ThrowsAsync<ArgumentException>(() => ImageTreeUpdater.ApplyAsync(shape, default, changes, new MemoryNodes(), None).AsTask());
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(32, 0)]
    [InlineData(33, 1)]
    [InlineData(1024, 1)]
    [InlineData(1025, 2)]
    [InlineData(1L << 40, 7)]
    [InlineData((1L << 40) + 1, 8)]
    public void The_root_is_the_lowest_node_that_covers_the_disk(long blocks, int level) =>
        Assert.Equal(level, new TreeShape(new BlockGeometry(blocks * 4096, 4096)).RootLevel);

    /// <summary>Ascending, not overlapping. Content 0 is a run of zeroes.</summary>
    private static List<BlockChange> ChangesOf(List<Edit> edits, long blockCount)
    {
        var changes = new List<BlockChange>();
        var end = 0L;
        foreach (var edit in edits.OrderBy(e => e.At))
        {
            var first = Math.Max(end, (long)(edit.At * blockCount));
            if (first >= blockCount)
            {
                break;
            }

            var count = edit.Content == 0 ? Math.Min(blockCount - first, 1 + (long)(edit.Span * blockCount)) : 1;
            changes.Add(new BlockChange(first, count, edit.Content == 0 ? default : Content.Digest(edit.Content)));
            end = first + count;
        }

        return changes;
    }

    private static void Set(Dictionary<long, BlockDigest> image, long block, BlockDigest digest)
    {
        if (digest.IsNone)
        {
            image.Remove(block);
        }
        else
        {
            image[block] = digest;
        }
    }

    private static ValueTask<BlockDigest> BuildAsync(TreeShape shape, Dictionary<long, BlockDigest> image, MemoryNodes nodes) =>
        ImageTreeUpdater.ApplyAsync(shape, default, [.. image.OrderBy(e => e.Key).Select(e => new BlockChange(e.Key, 1, e.Value))], nodes, None);

    /// <summary>Nodes on the paths to the ends of all changes: no other node needs to be touched.</summary>
    private static int PathsOf(TreeShape shape, List<BlockChange> changes)
    {
        var paths = new HashSet<(int Level, long Node)>();
        foreach (var change in changes)
        {
            for (var level = 0; level <= shape.RootLevel; level++)
            {
                paths.Add((level, change.FirstBlock / TreeShape.SpanOf(level)));
                paths.Add((level, (change.FirstBlock + change.Count - 1) / TreeShape.SpanOf(level)));
            }
        }

        return paths.Count;
    }

    private static async Task AssertReadsAsync(ImageTree tree, Dictionary<long, BlockDigest> shadow, List<Edit> edits)
    {
        var blockCount = tree.Shape.BlockCount;
        var ranges = edits.Take(3).Select(e => ((long)(e.At * blockCount), (long)(e.At * blockCount) + (long)(e.Span * 200)));
        foreach (var (from, to) in ranges.Prepend((0, blockCount)))
        {
            var entries = new List<BlockEntry>();
            await foreach (var entry in tree.ReadAsync(from, to, None))
            {
                entries.Add(entry);
            }

            Assert.Equal(shadow.Where(e => e.Key >= from && e.Key < to).OrderBy(e => e.Key).Select(e => new BlockEntry(e.Key, e.Value)), entries);
            var digests = new BlockDigest[Math.Min(blockCount, to) - from];
            await tree.FillAsync(from, digests, None);
            Assert.True(Enumerable.Range(0, digests.Length).All(i => digests[i] == shadow.GetValueOrDefault(from + i)));
        }
    }

    private static List<BlockRun> DiffOf(Dictionary<long, BlockDigest> a, Dictionary<long, BlockDigest> b)
    {
        var runs = new List<BlockRun>();
        foreach (var block in a.Keys.Union(b.Keys).Where(k => a.GetValueOrDefault(k) != b.GetValueOrDefault(k)).Order())
        {
            if (runs.Count > 0 && runs[^1].End == block)
            {
                runs[^1] = runs[^1] with { Count = runs[^1].Count + 1 };
            }
            else
            {
                runs.Add(new BlockRun(block, 1));
            }
        }

        return runs;
    }

    private static async Task<List<BlockRun>> RunsAsync(IAsyncEnumerable<BlockRun> runs)
    {
        var all = new List<BlockRun>();
        await foreach (var run in runs)
        {
            all.Add(run);
        }

        return all;
    }
}
