using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;

namespace ActorBackup.Messages.Groups;

/// <summary>How far one disk is with its part of a group.</summary>
public enum GroupPartStatus
{
    /// <summary>It has no part: it was never asked, or everybody has forgotten it.</summary>
    Unknown = 0,

    /// <summary>Reserved; the instant is still to come.</summary>
    Prepared = 1,

    /// <summary>Its jobs copy.</summary>
    Running = 2,

    /// <summary>Everything is copied and durable: it can carry out whatever is decided, also after a crash.</summary>
    Voted = 3,

    /// <summary>Some job failed or was cancelled: the group cannot commit.</summary>
    Failed = 4,

    /// <summary>It carries out a decision.</summary>
    Ending = 5,

    /// <summary>The decision is carried out.</summary>
    Settled = 6,
}

/// <param name="Disk">Whose part.</param>
/// <param name="Status">How far it is.</param>
/// <param name="Members">Its jobs.</param>
public sealed record GroupPartView(DiskId Disk, GroupPartStatus Status, IReadOnlyList<GroupMember> Members)
{
    /// <summary>One line: why it cannot commit.</summary>
    public string? Error { get; init; }

    /// <summary>A person cancelled one of its jobs.</summary>
    public bool IsCancelled { get; init; }

    /// <summary>By force.</summary>
    public bool IsForced { get; init; }

    /// <summary>How long it held its guests' writes; null before the instant, or when an earlier process took it.</summary>
    public TimeSpan? Hold { get; init; }
}

/// <summary>A job of a group.</summary>
/// <param name="Disk">Which it backs up.</param>
/// <param name="Job">Its id.</param>
/// <param name="Outcome">Null until it is concluded.</param>
/// <param name="Point">What it published.</param>
/// <param name="Error">One line, of one that did not succeed.</param>
public sealed record GroupMember(DiskId Disk, JobId Job, JobOutcome? Outcome, PointId? Point, string? Error);
