namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>The order in which the disk's actor uses journal, tracking file and repository, one switch per step. All on, save for mutants.</summary>
internal sealed record OrderGuards
{
    public static OrderGuards On { get; } = new();

    /// <summary>Rule 4: the journal has the generation before the first write.</summary>
    public bool RegisterBeforeWrites { get; init; } = true;

    /// <summary>Rule 10: the tree is durable before the pair that refers to it.</summary>
    public bool TreeBeforePair { get; init; } = true;

    /// <summary>Rule 11: the conclusion is in the journal before the tracking file is settled.</summary>
    public bool ConclusionBeforeSettling { get; init; } = true;

    /// <summary>Rule 11: an event that gives bits up is in the journal before the bits go.</summary>
    public bool EventBeforeBitsGo { get; init; } = true;

    /// <summary>Rule 11: bits and recorders are in the tracking file before the event that promises them.</summary>
    public bool BitsBeforeEvent { get; init; } = true;

    /// <summary>Rule 11: the copy bitmap replaces the sync bitmap only if its root is the point's.</summary>
    public bool PairMatchesPoint { get; init; } = true;

    /// <summary>Rule 11: and only if it has all that the point lacks: blocks of zeroes change the copy bitmap and not the root.</summary>
    public bool CopyMatchesPoint { get; init; } = true;

    /// <summary>Rule 4: a tracking file that was rolled back may hold sets of jobs that the journal has long settled; they are settled again.</summary>
    public bool SettleOldJobs { get; init; } = true;

    /// <summary>Rule 11: where a full job's copy bitmap cannot be had, all is dirty; its sync bitmap says nothing about what the partial point lacks.</summary>
    public bool AllDirtyWithoutPair { get; init; } = true;

    /// <summary>Rule 11: a bitmap whose job recovery settles is disabled in the tracking file too, if the journal says that it is disabled.</summary>
    public bool DisableAfterSettling { get; init; } = true;

    /// <summary>Rule 12: recovery occupies the job's key before it concludes the job.</summary>
    public bool KeyBeforeConclusion { get; init; } = true;

    /// <summary>Rule 15: the tracking file has the difference before a base moves back.</summary>
    public bool BitsBeforeBaseMoves { get; init; } = true;
}
