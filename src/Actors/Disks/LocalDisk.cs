using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>A disk's data plane on this node: open, or why it is not.</summary>
/// <param name="Definition">Null when the tracking file could not be read.</param>
/// <param name="Disk">Null when it is not open.</param>
/// <param name="Refusal">Why it is not open, although it should be.</param>
public sealed record LocalDisk(DiskDefinition? Definition, TrackedDisk? Disk, Refusal? Refusal)
{
    public static LocalDisk Missing(DiskId disk) =>
        new(null, null, new Refusal(RefusalCode.WrongState, $"disk '{disk}' is not served by this node"));
}
