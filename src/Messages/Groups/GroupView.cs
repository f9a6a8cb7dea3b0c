using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Groups;

public enum GroupStatus
{
    /// <summary>Its disks prepare, hold and start.</summary>
    Starting = 0,
    Running = 1,

    /// <summary>Everything is copied; a person must let it commit, or cancel it.</summary>
    Pending = 2,

    /// <summary>What was decided is being carried out.</summary>
    Ending = 3,
    Concluded = 4,
}

public enum GroupOutcome
{
    Success = 0,
    Failed = 1,
    Cancelled = 2,

    /// <summary>Some jobs of an individual group succeeded, others did not.</summary>
    Mixed = 3,
}

public sealed record GroupView(
    GroupId Id,
    GroupCompletion Completion,
    GroupStatus Status,
    GroupOutcome? Outcome,
    IReadOnlyList<GroupMember> Members,
    string? Error,
    DateTimeOffset StartedAt,
    DateTimeOffset? EndedAt)
{
    /// <summary>Every disk that has a part in it, also those with bitmap actions only.</summary>
    public IReadOnlyList<DiskId> Disks { get; init; } = [];

    /// <summary>The longest that any disk held its guests' writes; null before.</summary>
    public TimeSpan? Hold { get; init; }

    /// <summary>The group whose work this one does again.</summary>
    public GroupId? RetryOf { get; init; }

    /// <summary>The group that does this one's work again.</summary>
    public GroupId? RetriedAs { get; init; }

    /// <summary>How often its work is tried again by itself.</summary>
    public int Restarts { get; init; }

    /// <summary>It will be started again by itself.</summary>
    public bool IsRestartDue { get; init; }

    /// <summary>Waiting longer would not change it.</summary>
    public bool IsSettled => (Status == GroupStatus.Concluded && !IsRestartDue) || Status == GroupStatus.Pending;
}
