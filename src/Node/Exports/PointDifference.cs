using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Node.Exports;

/// <summary>Where an exported point differs from another one. Its bits were found when the export began and do not change.</summary>
public sealed record PointDifference(DirtyBitmap Blocks) : IDirtyBlocks
{
    public DirtyBitmap Now() => Blocks;

    /// <summary>As <c>qemu:dirty-bitmap:diff-ID</c>.</summary>
    /// <param name="from">The other point.</param>
    /// <param name="blocks">Not changed by anybody any more.</param>
    public static DirtyBitmapContext ContextOf(PointId from, DirtyBitmap blocks) => new($"diff-{from}", new PointDifference(blocks));
}
