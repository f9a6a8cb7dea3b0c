namespace ActorBackup.Actors.Backups;

/// <summary>What a backup does so that its point lacks nothing that it does not list, one switch per step. All on, save where the simulation shows that it would miss a step.</summary>
internal sealed record CopyGuards
{
    public static CopyGuards On { get; } = new();

    /// <summary>Rule 10: the tree is durable before the pair that refers to it.</summary>
    public bool TreeBeforePair { get; init; } = true;

    /// <summary>Rule 10: a checkpoint that failed gives its blocks to the next one.</summary>
    public bool PutBackChanges { get; init; } = true;

    /// <summary>Rule 10: a pair counts when the tracking file has it.</summary>
    public bool PairBeforeItCounts { get; init; } = true;

    /// <summary>Blocks of zeroes take away what the base has there.</summary>
    public bool ZeroesOverBase { get; init; } = true;

    /// <summary>Rule 13: what the base lacked and the job did not copy, the point lacks.</summary>
    public bool ListWhatBaseLacks { get; init; } = true;
}
