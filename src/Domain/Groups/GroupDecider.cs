using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Domain.Groups;

/// <summary>What a group's coordinator makes of what it is asked and of what its disks say (rules 18 and 19).</summary>
public static class GroupDecider
{
    public const int ActionsMax = 1000;

    public static Decision<GroupEvent> Create(GroupState state, GroupCommand.Start c, DateTimeOffset now)
    {
        if (state.Exists)
        {
            return Decision<GroupEvent>.Refuse(RefusalCode.Duplicate, $"there is already a group {c.Group}");
        }

        if (c.Actions.Count is 0 or > ActionsMax)
        {
            return Decision<GroupEvent>.Refuse(RefusalCode.InvalidArgument, $"a group has from 1 to {ActionsMax} actions, and this one has {c.Actions.Count}");
        }

        var needsPerson = c.Completion == GroupCompletion.Grouped && c.Actions.OfType<DiskCommand.StartBackup>().Any(b => !b.Order.AutoFinalize);

        // In this order they are asked, so that two groups that share disks wait for each other and never both.
        var disks = c.Actions.Select(a => a.Disk).Distinct().OrderBy(d => d.Value, StringComparer.Ordinal);
        return Decision<GroupEvent>.Accept(new GroupEvent.GroupCreated(c.Completion, [.. disks], needsPerson, now));
    }

    /// <summary>What follows from what every disk says of its part. Nothing, until a grouped group has all votes or one disk cannot commit.</summary>
    /// <param name="state">Of the group; it has begun.</param>
    /// <param name="parts">What disks that could be asked say.</param>
    public static GroupEvent.GroupDecided? Decide(GroupState state, IReadOnlyCollection<GroupPartView> parts)
    {
        if (!state.HasBegun || state.Decision is not null)
        {
            return null;
        }

        // Nobody leaves before a decision: a disk that knows nothing of a group that runs has lost its part.
        var failed = parts.Where(p => p.Status is GroupPartStatus.Failed or GroupPartStatus.Unknown).ToList();
        if (failed.Count > 0)
        {
            // A person's force outweighs a failure; a failure outweighs a plain cancel.
            var reason = failed.Find(p => p.IsForced) ?? failed.Find(p => !p.IsCancelled) ?? failed[0];
            return new GroupEvent.GroupDecided(
                reason.IsForced ? GroupDecision.Force : GroupDecision.Abort, $"disk '{reason.Disk}': {reason.Error ?? "it has no part in the group any more"}", reason.IsCancelled);
        }

        return !state.NeedsPerson && HasEveryVote(state, parts) ? new GroupEvent.GroupDecided(GroupDecision.Commit, null, false) : null;
    }

    public static bool HasEveryVote(GroupState state, IReadOnlyCollection<GroupPartView> parts) =>
        state.Disks.All(d => parts.Any(p => p.Disk == d && p.Status == GroupPartStatus.Voted));

    public static Decision<GroupEvent> Cancel(GroupState state, GroupCommand.Cancel c) =>
        WhyNot(state, c.Group, "cancelled") is { } refusal ? new Decision<GroupEvent>([], refusal)
        : Decision<GroupEvent>.Accept(new GroupEvent.GroupDecided(c.Force ? GroupDecision.Force : GroupDecision.Abort, "cancelled", true));

    /// <param name="state">Of the group.</param>
    /// <param name="c">The command.</param>
    /// <param name="parts">What every disk says of its part.</param>
    public static Decision<GroupEvent> Complete(GroupState state, GroupCommand.Complete c, IReadOnlyCollection<GroupPartView> parts) =>
        WhyNot(state, c.Group, "finalized") is { } refusal ? new Decision<GroupEvent>([], refusal)
        : HasEveryVote(state, parts) ? Decision<GroupEvent>.Accept(new GroupEvent.GroupDecided(GroupDecision.Commit, null, false))
        : Decision<GroupEvent>.Refuse(RefusalCode.WrongState, $"group {c.Group} still copies; wait until it is pending");

    public static Refusal Unknown(GroupId group) => new(RefusalCode.UnknownGroup, $"there is no group '{group}'; 'abk group list' shows the groups");

    public static GroupView ViewOf(GroupState state, GroupId id, bool isPending) =>
        new(
            id,
            state.Completion,
            state.IsConcluded ? GroupStatus.Concluded
                : state.Decision is not (null or GroupDecision.Start) ? GroupStatus.Ending
                : isPending ? GroupStatus.Pending
                : state.HasBegun ? GroupStatus.Running
                : GroupStatus.Starting,
            state.IsConcluded ? OutcomeOf(state) : null,
            state.Members,
            state.Reason,
            state.CreatedAt,
            state.IsConcluded ? state.EndedAt : null)
        {
            Disks = state.Disks,
            Hold = state.Hold,
        };

    private static GroupOutcome OutcomeOf(GroupState state)
    {
        var successes = state.Members.Count(m => m.Outcome == JobOutcome.Success);
        return state.Decision switch
        {
            GroupDecision.Commit => GroupOutcome.Success,
            GroupDecision.Start when successes == state.Members.Length => GroupOutcome.Success,
            GroupDecision.Start when successes > 0 => GroupOutcome.Mixed,
            GroupDecision.Start => state.Members.All(m => m.Outcome == JobOutcome.Cancelled) ? GroupOutcome.Cancelled : GroupOutcome.Failed,
            _ => state.IsCancelled ? GroupOutcome.Cancelled : GroupOutcome.Failed,
        };
    }

    private static Refusal? WhyNot(GroupState state, GroupId group, string done) =>
        !state.Exists ? Unknown(group)
        : state.Decision == GroupDecision.Start && !state.IsConcluded
            ? new Refusal(RefusalCode.WrongState, $"the jobs of group {group} end each for itself; cancel or finalize them one by one ('abk group show {group}')")
        : state.Decision is not null ? new Refusal(RefusalCode.WrongState, $"group {group} is ending or has ended; it cannot be {done} any more")
        : null;
}
