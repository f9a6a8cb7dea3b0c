using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>What came of a disk's actions in a group.</summary>
/// <param name="Decision">Events, or the refusal of the first action that cannot be carried out.</param>
/// <param name="Plan">Of the instant; null when an action is refused.</param>
public sealed record GroupPreparation(Decision<DiskEvent> Decision, GroupPlan? Plan)
{
    /// <summary>Which action is refused, from 0; meaningless when none is.</summary>
    public int RefusedAction { get; init; }
}
