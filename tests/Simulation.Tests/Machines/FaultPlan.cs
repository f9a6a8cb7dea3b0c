namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>How often which fault comes, drawn once per seed: most seeds have few kinds of them, so that each is seen alone too.</summary>
internal sealed record FaultPlan
{
    public required double TrackingWriteFails { get; init; }

    public required double BackingWriteFails { get; init; }

    public required double ReadFails { get; init; }

    public required double TrackingSyncFails { get; init; }

    public required double BackingSyncFails { get; init; }

    public required double SpaceRunsOut { get; init; }

    public required double RepositoryFails { get; init; }

    public required double RepositoryIsAway { get; init; }

    /// <summary>After a crash the tracking file is an older copy, or another one.</summary>
    public required double TrackingIsReplaced { get; init; }

    /// <summary>While no process serves it, somebody else writes the backing.</summary>
    public required double BackingIsChanged { get; init; }

    /// <summary>A crash is a power failure; else only the process dies.</summary>
    public required double PowerFails { get; init; }

    /// <summary>Time passes although there is work to do.</summary>
    public required double TimePasses { get; init; }

    public static FaultPlan None { get; } = new()
    {
        TrackingWriteFails = 0,
        BackingWriteFails = 0,
        ReadFails = 0,
        TrackingSyncFails = 0,
        BackingSyncFails = 0,
        SpaceRunsOut = 0,
        RepositoryFails = 0,
        RepositoryIsAway = 0,
        TrackingIsReplaced = 0,
        BackingIsChanged = 0,
        PowerFails = 0,
        TimePasses = 0,
    };

    public static FaultPlan Draw(Dice dice)
    {
        double Sometimes(double seeds, double most) => dice.Chance(seeds) ? most * (0.2 + (0.8 * dice.Below(100) / 100)) : 0;
        return new FaultPlan
        {
            TrackingWriteFails = Sometimes(0.25, 0.12),
            BackingWriteFails = Sometimes(0.2, 0.1),
            ReadFails = Sometimes(0.1, 0.02),
            TrackingSyncFails = Sometimes(0.1, 0.05),
            BackingSyncFails = Sometimes(0.15, 0.2),
            SpaceRunsOut = Sometimes(0.2, 0.5),
            RepositoryFails = Sometimes(0.4, 0.05),
            RepositoryIsAway = Sometimes(0.3, 0.6),
            TrackingIsReplaced = Sometimes(0.15, 0.8),
            BackingIsChanged = Sometimes(0.1, 0.6),
            PowerFails = dice.Pick([0.0, 0.5, 0.8, 1.0]),
            TimePasses = dice.Pick([0.0, 0.02, 0.1]),
        };
    }
}
