using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Messages.Groups;

/// <summary>What a group's coordinator is asked to do. Every command is answered by one <see cref="GroupReply"/>.</summary>
public abstract record GroupCommand
{
    private GroupCommand()
    {
    }

    public required GroupId Group { get; init; }

    /// <summary>Starts the group, or leaves everything as it was. The same again is answered with what became of it.</summary>
    /// <param name="Completion">Whether its jobs share their outcome.</param>
    /// <param name="Actions">In order: backups and bitmap commands of any disks. Later ones see what earlier ones did.</param>
    public sealed record Start(GroupCompletion Completion, IReadOnlyList<DiskCommand> Actions) : GroupCommand
    {
        /// <summary>How long a disk may hold its guests' writes while the others come to a halt.</summary>
        public TimeSpan HoldLimit { get; init; } = TimeSpan.FromSeconds(2);

        /// <summary>Why the action after these can never be carried out: the group is refused, for this reason if no earlier action is. Null = there is none.</summary>
        public Refusal? Impossible { get; init; }

        /// <summary>The group that did not succeed and whose work this one does again by itself; null = none.</summary>
        public GroupId? RetryOf { get; init; }

        /// <summary>How many groups and refused starts tried this work before.</summary>
        public int RestartCount { get; init; }
    }

    /// <summary>Ends the group, or keeps one that has failed from being started again by itself.</summary>
    public sealed record Cancel(bool Force) : GroupCommand;

    /// <summary>Lets a group that waits for it commit.</summary>
    public sealed record Complete : GroupCommand;

    /// <summary>Starts the coordinator after a node has started, so that what was decided is carried out.</summary>
    public sealed record Wake : GroupCommand;

    /// <summary>From a disk: something about its part changed. Not answered.</summary>
    public sealed record Look : GroupCommand;

    public sealed record Get : GroupCommand;

    /// <summary>Like <see cref="Get"/>, answered when the group has ended or waits for a person.</summary>
    public sealed record Await(TimeSpan Timeout) : GroupCommand;
}

public abstract record GroupReply
{
    private GroupReply()
    {
    }

    public sealed record Rejected(Refusal Refusal) : GroupReply;

    public sealed record Group(GroupView View) : GroupReply;
}
