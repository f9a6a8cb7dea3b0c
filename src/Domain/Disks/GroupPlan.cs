using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>What the data plane does at the instant of a group: sets that come to be, in order, and the jobs that start.</summary>
/// <param name="Sets">One per overlay.</param>
/// <param name="Steps">Carried out in order, on the sets' bits.</param>
/// <param name="Jobs">Specs of the jobs.</param>
public sealed record GroupPlan(IReadOnlyList<PlannedSet> Sets, IReadOnlyList<PlannedStep> Steps, IReadOnlyList<BackupSpec> Jobs)
{
    /// <summary>Bitmaps that other disks merge, by name: their sets.</summary>
    public IReadOnlyDictionary<string, ulong> Lent { get; init; } = new Dictionary<string, ulong>();

    /// <summary>Bitmaps of other disks that are needed at the instant.</summary>
    public IEnumerable<BitmapAddress> Borrowed => Steps.SelectMany(s => s.Borrowed).Distinct();
}

/// <param name="SetId">New.</param>
/// <param name="GranularityBytes">Bytes per bit.</param>
/// <param name="Recording">From the instant on.</param>
/// <param name="Persistent">Stored.</param>
/// <param name="StartsAs">The set whose bits it begins with; null = none.</param>
public sealed record PlannedSet(ulong SetId, long GranularityBytes, bool Recording, bool Persistent, ulong? StartsAs);

/// <param name="SetId">Whose bits change.</param>
/// <param name="Sources">Sets whose bits are added; null = all bits go.</param>
public sealed record PlannedStep(ulong SetId, IReadOnlyList<ulong>? Sources)
{
    /// <summary>Bitmaps of other disks whose bits are added, too.</summary>
    public IReadOnlyList<BitmapAddress> Borrowed { get; init; } = [];
}
