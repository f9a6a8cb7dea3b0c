using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>What the data plane does at the instant of a group: sets that come to be, in order, and the jobs that start.</summary>
/// <param name="Sets">One per overlay.</param>
/// <param name="Steps">Carried out in order, on the sets' bits.</param>
/// <param name="Jobs">Specs of the jobs.</param>
public sealed record GroupPlan(IReadOnlyList<PlannedSet> Sets, IReadOnlyList<PlannedStep> Steps, IReadOnlyList<BackupSpec> Jobs)
{
    /// <summary>Bitmaps that other disks merge.</summary>
    public IReadOnlyList<PlannedLoan> Lent { get; init; } = [];

    /// <summary>Bitmaps of other disks that are needed at the instant.</summary>
    public IEnumerable<GroupLoan> Borrowed => BorrowedBefore(Steps.Count);

    /// <summary>Bitmaps of other disks that the first so many steps need.</summary>
    public IEnumerable<GroupLoan> BorrowedBefore(int steps) => Steps.Take(steps).SelectMany(s => s.Borrowed).Distinct();
}

/// <param name="Loan">What is lent, and for what.</param>
/// <param name="SetId">Its set: of the disk, or of the plan.</param>
/// <param name="Steps">So many steps of the plan come before.</param>
public sealed record PlannedLoan(GroupLoan Loan, ulong SetId, int Steps);

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
    public IReadOnlyList<GroupLoan> Borrowed { get; init; } = [];
}
