using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Disks;

/// <summary>What a disk is; fixed when it is added.</summary>
/// <param name="Id">Name.</param>
/// <param name="Backing">Absolute path of the raw file or block device, or the URI of an NBD export.</param>
/// <param name="SizeBytes">A multiple of 512.</param>
/// <param name="BlockBytes">Unit of tracking and copying, a power of two.</param>
/// <param name="TrackingPath">Absolute path of the tracking file.</param>
/// <param name="IsReadOnly">The export refuses writes.</param>
/// <param name="Host">Label of the node that has the backing.</param>
public sealed record DiskDefinition(
    DiskId Id,
    string Backing,
    long SizeBytes,
    long BlockBytes,
    string TrackingPath,
    bool IsReadOnly,
    string Host)
{
    /// <summary>Nobody else writes to a backing that keeps no modification time: the operator says so (rule 5).</summary>
    public bool IsExclusive { get; init; }

    /// <summary>The operator vouches for a backing that cannot flush.</summary>
    public bool AssumeDurable { get; init; }
}
