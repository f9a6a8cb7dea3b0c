using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Disks;

/// <summary>What a disk is; fixed when it is added.</summary>
/// <param name="Id">Name.</param>
/// <param name="Backing">Absolute path of the raw file.</param>
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
    string Host);
