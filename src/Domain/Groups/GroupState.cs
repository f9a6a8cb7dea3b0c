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

    /// <summary>What refused it may be over when it is asked for again.</summary>
    public bool IsRefusedInPassing { get; init; }

    public ImmutableArray<GroupMember> Members { get; init; } = [];

    /// <summary>Disks that have carried out the decision.</summary>
    public ImmutableHashSet<DiskId> Ended { get; init; } = [];

    public bool IsConcluded { get; init; }

    /// <summary>How it is started again by itself; null = not at all.</summary>
    public GroupEvent.GroupRestartable? Restartable { get; init; }

    /// <summary>Groups that were to do its work again and were refused, not only in passing.</summary>
    public int RestartsRefused { get; init; }

    /// <summary>Why the last of them did not.</summary>
    public string? RestartRefusal { get; init; }

    /// <summary>The group that it is being started again as; null = none yet.</summary>
    public GroupId? Trying { get; init; }

    /// <summary>The group that does its work again.</summary>
    public GroupId? RetriedAs { get; init; }

    /// <summary>A person does not want it to be started again.</summary>
    public bool IsRestartDropped { get; init; }

    public bool Exists => !Disks.IsEmpty;

    /// <summary>It never began.</summary>
    public bool IsRefused => Decision == GroupDecision.Undo;

    public IEnumerable<DiskId> NotEnded => Disks.Where(d => !Ended.Contains(d));

    public static GroupState Apply(GroupState state, GroupEvent e) =>
        e switch
        {
            GroupEvent.GroupCreated x => state with { Completion = x.Completion, Disks = [.. x.Disks], NeedsPerson = x.NeedsPerson, CreatedAt = x.At },
            GroupEvent.GroupRefused x => state with { Decision = state.Decision ?? GroupDecision.Undo, Reason = x.Reason, EndedAt = x.At, IsRefusedInPassing = x.IsPassing },
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
            GroupEvent.GroupRestartable x => state with { Restartable = x },
            GroupEvent.GroupRestartTried x => state with { Trying = x.Next },
            GroupEvent.GroupRestarted x => state with { RetriedAs = x.Next, Trying = null },
            GroupEvent.GroupRestartRefused { IsPassing: true } => state with { Trying = null },
            GroupEvent.GroupRestartRefused x => state with { RestartsRefused = state.RestartsRefused + 1, RestartRefusal = x.Reason, Trying = null },
            GroupEvent.GroupRestartDropped => state with { IsRestartDropped = true },
            _ => throw new UnreachableException($"No transition for {e.GetType().Name}."),
        };
}
