using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>A bitmap's identity, flags and base; its bits are in the tracking file under SetId.</summary>
/// <param name="Name">Unique on the disk.</param>
/// <param name="SetId">Never used again on this disk.</param>
/// <param name="GranularityBytes">Bytes per bit.</param>
/// <param name="Recording">Enabled; while a job runs its successor records in its stead.</param>
/// <param name="Persistent">Outlives the node's process.</param>
/// <param name="Base">What it counts from.</param>
/// <param name="BusyWith">The job that holds it.</param>
/// <param name="InconsistentReason">Why its bits cannot be trusted.</param>
public sealed record BitmapState(
    string Name,
    ulong SetId,
    long GranularityBytes,
    bool Recording,
    bool Persistent,
    BitmapBase Base,
    JobId? BusyWith,
    string? InconsistentReason)
{
    /// <summary>NBD clients can read it, so it is as busy as with a job. Never both, and never when it is inconsistent.</summary>
    public bool IsExported { get; init; }

    /// <summary>A group whose actions change it, and that has not ended.</summary>
    public GroupId? Group { get; init; }

    /// <summary>The full backup whose point becomes its base: both began at one instant, and since then it has only recorded.</summary>
    public JobId? AwaitsBaseOf { get; init; }
}
