using ActorBackup.Simulation.Tests.Machines;

namespace ActorBackup.Simulation.Tests.Stores;

/// <summary>How often which fault of an object store comes, drawn once per seed.</summary>
internal sealed record StoreFaults
{
    public static StoreFaults None { get; } = new();

    /// <summary>The store is below the machine's own processes and power: what dies with them arrives no more.</summary>
    public bool IsLocal { get; init; }

    public double PutFails { get; init; }

    /// <summary>A put that failed was done all the same; else it comes later, perhaps, or never.</summary>
    public double DoneAllTheSame { get; init; }

    public double ComesLater { get; init; }

    /// <summary>A put that succeeded comes a second time.</summary>
    public double ComesTwice { get; init; }

    /// <summary>The object is there and its name is not durable, nor will be for this process.</summary>
    public double SyncFails { get; init; }

    public double ReadFails { get; init; }

    public double DeleteFails { get; init; }

    public double IsSlow { get; init; }

    /// <summary>At some operation the store goes away for up to a minute.</summary>
    public double GoesAway { get; init; }

    /// <summary>While it is away it does not answer, rather than refuse.</summary>
    public double Hangs { get; init; }

    /// <summary>At the end of a process the store loses power, and with it what is not durable.</summary>
    public double PowerFails { get; init; }

    /// <summary>A message to or from the index is lost.</summary>
    public double IndexLoses { get; init; }

    /// <summary>Between processes a pack that no point needs is damaged.</summary>
    public double GarbageRots { get; init; }

    public static StoreFaults Draw(Dice dice)
    {
        double Sometimes(double seeds, double most) => dice.Chance(seeds) ? most * (0.2 + (0.8 * dice.Below(100) / 100)) : 0;
        return new StoreFaults
        {
            IsLocal = dice.Chance(0.5),
            PutFails = Sometimes(0.6, 0.4),
            DoneAllTheSame = dice.Pick([0.0, 0.3, 0.7]),
            ComesLater = dice.Pick([0.0, 0.5, 1.0]),
            ComesTwice = Sometimes(0.3, 0.2),
            SyncFails = Sometimes(0.2, 0.05),
            ReadFails = Sometimes(0.3, 0.03),
            DeleteFails = Sometimes(0.3, 0.5),
            IsSlow = Sometimes(0.4, 0.1),
            GoesAway = Sometimes(0.3, 0.03),
            Hangs = dice.Pick([0.0, 0.5, 1.0]),
            PowerFails = Sometimes(0.3, 0.6),
            IndexLoses = Sometimes(0.3, 0.01),
            GarbageRots = Sometimes(0.3, 0.8),
        };
    }
}
