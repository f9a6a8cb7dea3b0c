namespace ActorBackup.Actors.Groups;

/// <summary>What keeps a group whole. Tests switch single ones off and must notice (docs/TESTING.md).</summary>
internal sealed record GroupGuards
{
    public static GroupGuards On { get; } = new();

    /// <summary>That every disk took the instant is persisted before any disk hears what follows from it (rule 18).</summary>
    public bool BegunBeforeEnds { get; init; } = true;

    /// <summary>A coordinator that died while its group began undoes it (rule 18).</summary>
    public bool UndoWhatDidNotBegin { get; init; } = true;

    /// <summary>Bitmaps are taken to other disks while writes are held: their bits are those of the instant (rule 21).</summary>
    public bool BorrowWhenHeld { get; init; } = true;

    /// <summary>A group commits when every disk has voted (rule 19).</summary>
    public bool EveryVote { get; init; } = true;

    /// <summary>A decision is persisted before any disk hears of it (rule 19).</summary>
    public bool RememberDecision { get; init; } = true;

    /// <summary>Disks are told until each has carried the decision out (rule 19).</summary>
    public bool TellUntilEnded { get; init; } = true;

    /// <summary>The next group's id is persisted before that group is asked for (rule 21).</summary>
    public bool RememberRestart { get; init; } = true;

    /// <summary>A group that is to be started again is not over (rule 21).</summary>
    public bool RestartsAreAwaited { get; init; } = true;
}
