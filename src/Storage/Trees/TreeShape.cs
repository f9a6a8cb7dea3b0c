using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Trees;

/// <summary>How a disk's blocks hang on a tree of fan-out 32: the root is the node of the lowest level that covers all of them.</summary>
public readonly record struct TreeShape
{
    public const int FanOut = 32;

    private const int Shift = 5;

    public TreeShape(BlockGeometry geometry)
    {
        Geometry = geometry;
        var level = 0;
        while (level < TreeNode.MaxLevel && SpanOf(level) < geometry.BlockCount)
        {
            level++;
        }

        RootLevel = level;
    }

    public BlockGeometry Geometry { get; }

    public long BlockCount => Geometry.BlockCount;

    public int RootLevel { get; }

    /// <summary>Blocks below a node of the level.</summary>
    public static long SpanOf(int level) => 1L << (Shift * (level + 1));

    /// <summary>Blocks below one child of a node of the level.</summary>
    public static long ChildSpanOf(int level) => 1L << (Shift * level);
}
