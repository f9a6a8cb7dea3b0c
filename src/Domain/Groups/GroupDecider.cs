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

        if (RefuseCount(c.Actions.Count) is { } refusal)
        {
            return new Decision<GroupEvent>([], refusal);
        }

        var needsPerson = c.Completion == GroupCompletion.Grouped && c.Actions.OfType<DiskCommand.StartBackup>().Any(b => !b.Order.AutoFinalize);

        // In this order they are asked, so that two groups that share disks wait for each other and never both.
        var disks = GroupLoans.Commands(c.Actions).Select(a => a.Command.Disk).Distinct().OrderBy(d => d.Value, StringComparer.Ordinal);
        var created = new GroupEvent.GroupCreated(c.Completion, [.. disks], needsPerson, now);
        var restarts = GroupRestarts.Of(c);
        return restarts == 0 && c.RetryOf is null
            ? Decision<GroupEvent>.Accept(created)
            : Decision<GroupEvent>.Accept(created, new GroupEvent.GroupRestartable(c.Actions, c.HoldLimit, restarts, c.RestartCount, c.RetryOf));
    }

    /// <summary>Null when a group may have so many actions.</summary>
    public static Refusal? RefuseCount(int actions) =>
        actions is 0 or > ActionsMax ? new Refusal(RefusalCode.InvalidArgument, $"a group has from 1 to {ActionsMax} actions, and this one has {actions}") : null;

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

    /// <summary>A person who cancelled one job wants no more of the group, also where it was another job that made it fail.</summary>
    public static bool IsUnwanted(IReadOnlyCollection<GroupPartView> parts) => parts.Any(p => p.IsCancelled);

    public static Decision<GroupEvent> Cancel(GroupState state, GroupCommand.Cancel c) =>
        GroupRestarts.IsAhead(state)
            ? state.Trying is { } next
                ? Decision<GroupEvent>.Refuse(RefusalCode.WrongState, $"group {c.Group} is being started again as group {next}; cancel that one")
                : Decision<GroupEvent>.Accept(new GroupEvent.GroupRestartDropped())
        : WhyNot(state, c.Group, "cancelled") is { } refusal ? new Decision<GroupEvent>([], refusal)
        : Decision<GroupEvent>.Accept(new GroupEvent.GroupDecided(c.Force ? GroupDecision.Force : GroupDecision.Abort, "cancelled", true));

    /// <param name="state">Of the group.</param>
    /// <param name="c">The command.</param>
    /// <param name="parts">What every disk says of its part.</param>
    public static Decision<GroupEvent> Complete(GroupState state, GroupCommand.Complete c, IReadOnlyCollection<GroupPartView> parts) =>
        WhyNot(state, c.Group, "finalized") is { } refusal ? new Decision<GroupEvent>([], refusal)
        : HasEveryVote(state, parts) ? Decision<GroupEvent>.Accept(new GroupEvent.GroupDecided(GroupDecision.Commit, null, false))
        : Decision<GroupEvent>.Refuse(RefusalCode.WrongState, $"group {c.Group} still copies; wait until it is pending");

    public static Refusal Unknown(GroupId group) => new(RefusalCode.UnknownGroup, $"there is no group '{group}'; 'abk group list' shows the groups");

    /// <summary>Of a group that was refused.</summary>
    public static Refusal DidNotBegin(GroupId group, GroupState state) => new(RefusalCode.NotReady, $"group {group} did not begin: {state.Reason}") { IsPassing = state.IsRefusedInPassing };

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
            state.RestartRefusal is { } refusal ? $"{state.Reason}; it could not be started again: {refusal}" : state.Reason,
            state.CreatedAt,
            state.IsConcluded ? state.EndedAt : null)
        {
            Disks = state.Disks,
            Hold = state.Hold,
            RetryOf = state.Restartable?.RetryOf,
            RetriedAs = state.RetriedAs,
            Restarts = state.Restartable?.Restarts ?? 0,
            IsRestartDue = GroupRestarts.IsDue(state),
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
        : state.RetriedAs is { } next ? new Refusal(RefusalCode.WrongState, $"group {group} has been started again as group {next}; it cannot be {done} any more")
        : state.Decision is not null ? new Refusal(RefusalCode.WrongState, $"group {group} is ending or has ended; it cannot be {done} any more")
        : null;
}
