using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;

namespace ActorBackup.Volumes.Tracking;

/// <summary>What a node needs to serve the disk from its tracking file alone.</summary>
/// <param name="Id">The disk's name.</param>
/// <param name="BackingPath">Image file or block device, or the URI of an NBD export.</param>
/// <param name="SizeBytes">Size of the disk; the backing must have exactly this.</param>
/// <param name="BlockBytes">The disk's block: the unit of copying.</param>
/// <param name="IsReadOnly">Guest writes are refused.</param>
/// <param name="AssumeDurable">The operator vouches for a backing that cannot flush.</param>
/// <param name="IsExclusive">The operator vouches for it that nobody else writes to a backing that keeps no modification time (rule 5).</param>
public sealed record DiskDefinition(DiskId Id, string BackingPath, long SizeBytes, int BlockBytes, bool IsReadOnly = false, bool AssumeDurable = false, bool IsExclusive = false)
{
    /// <summary>The backing may still have its former size: the next opening resizes it.</summary>
    public bool IsResizing { get; init; }

    public BlockGeometry Geometry => new(SizeBytes, BlockBytes);
}
