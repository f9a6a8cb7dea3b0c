using ActorBackup.Core.Blocks;
using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Volumes.Disks;

/// <summary>What happens to a disk at the instant of a group.</summary>
/// <param name="Sets">Bitmaps that come to be.</param>
/// <param name="Steps">What is done with their bits, in order.</param>
/// <param name="Snapshots">Of jobs that start; they may freeze bitmaps that come to be here.</param>
public sealed record GroupInstant(IReadOnlyList<NewSet> Sets, IReadOnlyList<SetStep> Steps, IReadOnlyList<SnapshotRequest> Snapshots);

/// <param name="SetId">Not taken yet.</param>
/// <param name="GranularityBytes">Bytes per bit.</param>
/// <param name="IsRecording">From the instant on.</param>
/// <param name="IsTransient">Never stored.</param>
/// <param name="StartsAs">A set whose bits it begins with; null = none.</param>
public readonly record struct NewSet(ulong SetId, long GranularityBytes, bool IsRecording, bool IsTransient, ulong? StartsAs);

/// <param name="SetId">One of those that come to be.</param>
/// <param name="Sources">Sets whose bits of this moment are added; null = all bits go.</param>
public readonly record struct SetStep(ulong SetId, IReadOnlyList<ulong>? Sources)
{
    /// <summary>Asked at the instant for ranges in bytes that are added, too; null = none.</summary>
    public Func<IEnumerable<Extent>>? More { get; init; }
}
