namespace ActorBackup.Actors.Tests.Groups;

/// <summary>What a disk owes its group. Each can be switched off, and some seed must notice.</summary>
internal sealed record DiskGuards
{
    public static DiskGuards On { get; } = new();

    /// <summary>A hold that is over cannot become the instant.</summary>
    public bool HoldsExpire { get; init; } = true;

    /// <summary>Bitmaps are lent only while writes are held.</summary>
    public bool LendsWhenHeld { get; init; } = true;

    /// <summary>No job settles before the coordinator's decision is known.</summary>
    public bool WaitForDecision { get; init; } = true;

    /// <summary>A vote is persisted before anybody hears of it.</summary>
    public bool VoteIsDurable { get; init; } = true;
}
