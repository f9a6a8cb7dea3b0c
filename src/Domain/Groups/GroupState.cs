using System.Collections.Immutable;
using System.Diagnostics;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Domain.Groups;

/// <summary>Everything the journal says of one group.</summary>
public sealed record GroupState
{
    public static GroupState Empty { get; } = new();

    public GroupCompletion Completion { get; init; }

    /// <summary>All that have a part; empty before the group was created.</summary>
    public ImmutableArray<DiskId> Disks { get; init; } = [];

    /// <summary>It waits for a person when everything is copied.</summary>
    public bool NeedsPerson { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Every disk took the instant.</summary>
    public bool HasBegun { get; init; }

    public TimeSpan? Hold { get; init; }

    /// <summary>What every disk has to carry out; null = nothing yet.</summary>
    public GroupDecision? Decision { get; init; }

    public bool IsCancelled { get; init; }

    /// <summary>Why it did not succeed.</summary>
    public string? Reason { get; init; }

    public ImmutableArray<GroupMember> Members { get; init; } = [];

    /// <summary>Disks that have carried out the decision.</summary>
    public ImmutableHashSet<DiskId> Ended { get; init; } = [];

    public bool IsConcluded { get; init; }

    public bool Exists => !Disks.IsEmpty;

    /// <summary>It never began.</summary>
    public bool IsRefused => Decision == GroupDecision.Undo;

    public IEnumerable<DiskId> NotEnded => Disks.Where(d => !Ended.Contains(d));

    public static GroupState Apply(GroupState state, GroupEvent e) =>
        e switch
        {
            GroupEvent.GroupCreated x => state with { Completion = x.Completion, Disks = [.. x.Disks], NeedsPerson = x.NeedsPerson, CreatedAt = x.At },
            GroupEvent.GroupRefused x => state with { Decision = state.Decision ?? GroupDecision.Undo, Reason = x.Reason, EndedAt = x.At },
            GroupEvent.GroupBegun x => state with
            {
                HasBegun = true,
                Members = [.. x.Members],
                Hold = x.Hold,
                Decision = state.Decision ?? (state.Completion == GroupCompletion.Individual ? GroupDecision.Start : null),
            },
            GroupEvent.GroupDecided x => state.Decision is null
                ? state with { Decision = x.Decision, Reason = x.Reason, IsCancelled = x.IsCancelled }
                : state,
            GroupEvent.GroupPartEnded x => state with
            {
                Ended = state.Ended.Add(x.Disk),
                Members = [.. state.Members.Select(m => x.Members.FirstOrDefault(ended => ended.Job == m.Job) ?? m)],
            },
            GroupEvent.GroupConcluded x => state with { IsConcluded = true, EndedAt = state.EndedAt ?? x.At },
            _ => throw new UnreachableException($"No transition for {e.GetType().Name}."),
        };
}
