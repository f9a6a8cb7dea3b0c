using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Messages.Groups;

/// <summary>What happened to a group; its coordinator's journal.</summary>
public abstract record GroupEvent
{
    private GroupEvent()
    {
    }

    /// <summary>The disks are going to be asked. A recovery that finds this last undoes whatever they reserved.</summary>
    /// <param name="Completion">Whether its jobs share their outcome.</param>
    /// <param name="Disks">All that have a part.</param>
    /// <param name="NeedsPerson">Some job is not to be finalized by itself, so the group waits when everything is copied.</param>
    /// <param name="At">When.</param>
    public sealed record GroupCreated(GroupCompletion Completion, IReadOnlyList<DiskId> Disks, bool NeedsPerson, DateTimeOffset At) : GroupEvent;

    /// <summary>It never began: some disk refused, or did not come to a halt in time.</summary>
    public sealed record GroupRefused(string Reason, DateTimeOffset At) : GroupEvent
    {
        /// <summary>Nothing is wrong with the group: a node was stopping, or went while it began.</summary>
        public bool IsPassing { get; init; }
    }

    /// <summary>Every disk has said that it took the instant: jobs may settle from now on.</summary>
    /// <param name="Members">All jobs.</param>
    /// <param name="Hold">The longest that any disk held its guests' writes.</param>
    /// <param name="At">When.</param>
    public sealed record GroupBegun(IReadOnlyList<GroupMember> Members, TimeSpan Hold, DateTimeOffset At) : GroupEvent;

    /// <param name="Decision">Commit, abort or force; only the first counts.</param>
    /// <param name="Reason">One line, of an end that is no success.</param>
    /// <param name="IsCancelled">A person wanted it.</param>
    public sealed record GroupDecided(GroupDecision Decision, string? Reason, bool IsCancelled) : GroupEvent;

    /// <summary>The disk has carried out the decision; its jobs ended like this.</summary>
    public sealed record GroupPartEnded(DiskId Disk, IReadOnlyList<GroupMember> Members) : GroupEvent;

    /// <summary>No disk has anything left to do.</summary>
    public sealed record GroupConcluded(DateTimeOffset At) : GroupEvent;

    /// <summary>With <see cref="GroupCreated"/>: what it takes to start it again by itself, as a new group.</summary>
    /// <param name="Actions">As they were asked for.</param>
    /// <param name="HoldLimit">As it was asked for.</param>
    /// <param name="Restarts">How often it is started again, refused starts included, except those of <see cref="Refusal.IsPassing"/>.</param>
    /// <param name="RestartCount">How often this work was tried before.</param>
    /// <param name="RetryOf">The group that it starts again; null = it is the first.</param>
    public sealed record GroupRestartable(IReadOnlyList<DiskCommand> Actions, TimeSpan HoldLimit, int Restarts, int RestartCount, GroupId? RetryOf) : GroupEvent;

    /// <summary>It failed and is started again as this group, which may exist from now on.</summary>
    public sealed record GroupRestartTried(GroupId Next) : GroupEvent;

    /// <summary>The next group has begun: what becomes of the work is its concern.</summary>
    public sealed record GroupRestarted(GroupId Next) : GroupEvent;

    /// <summary>The next group did not begin, and never will.</summary>
    public sealed record GroupRestartRefused(GroupId Next, string Reason) : GroupEvent
    {
        /// <summary>It is no try.</summary>
        public bool IsPassing { get; init; }
    }

    /// <summary>A person does not want it to be started again.</summary>
    public sealed record GroupRestartDropped : GroupEvent;
}
