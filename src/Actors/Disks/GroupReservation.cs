using ActorBackup.Actors.Storage;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes.Disks;

namespace ActorBackup.Actors.Disks;

/// <summary>What a disk keeps for a group between "prepared" and the instant, in memory only: after a restart there is nothing to go on with, and the group cannot begin.</summary>
/// <param name="group">Whose.</param>
/// <param name="plan">What happens at the instant.</param>
/// <param name="repositories">Of the plan's jobs, in order; null = it writes nowhere.</param>
/// <param name="made">Bitmaps that were made for its jobs.</param>
internal sealed class GroupReservation(GroupId group, GroupPlan plan, IReadOnlyList<OpenRepository?> repositories, IReadOnlyList<string> made)
{
    public GroupId Group => group;

    public GroupPlan Plan => plan;

    public IReadOnlyList<OpenRepository?> Repositories => repositories;

    public IReadOnlyList<string> Made => made;

    /// <summary>What other disks have lent so far: the plan's steps read it at the instant.</summary>
    public Dictionary<GroupLoan, IReadOnlyList<Extent>> Lent { get; } = [];

    /// <summary>Everything that may take long is done.</summary>
    public ArmedInstant? Armed { get; set; }

    public bool IsHolding { get; set; }

    /// <summary>Null = writes are not held yet.</summary>
    public HeldWrites? Held { get; set; }
}
