using Xunit.Abstractions;

namespace ActorBackup.Simulation.Tests;

/// <summary>The simulation would notice: with any one guard off, some seed breaks a promise. That no seed does with all guards on is the other half.</summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    private const int SeedsMax = 8000;

    // Of guards that few seeds need: tried first, to save time. A change of the simulation makes them seeds like any other.
    private static readonly Dictionary<string, ulong> Rare = new()
    {
        [nameof(Disks.OrderGuards.BitsBeforeBaseMoves)] = 706,
        [nameof(Disks.OrderGuards.AllDirtyWithoutPair)] = 410,
        [nameof(Volumes.Tracking.TrackingGuards.ResumeOnlyAsLeft)] = 1365,
        [nameof(Volumes.Tracking.TrackingGuards.OwnsWhatIsLeft)] = 370,
        [nameof(Volumes.Tracking.TrackingGuards.SyncBeforeSuperblock)] = 265,
    };

    public static TheoryData<string> Names => [.. Mutants.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_missing_guard_is_noticed(string guard)
    {
        var (guards, order) = Mutants.All[guard];
        foreach (var seed in Seeds(guard))
        {
            if (Simulation.Run(seed, guards, order).Violation is { } violation)
            {
                output.WriteLine($"without {guard}, seed {seed}: {violation}");
                return;
            }
        }

        Assert.Fail($"Without {guard} none of {SeedsMax} seeds breaks a promise.");
    }

    private static IEnumerable<ulong> Seeds(string guard)
    {
        if (Rare.TryGetValue(guard, out var rare))
        {
            yield return rare;
        }

        for (var seed = 1UL; seed <= SeedsMax; seed++)
        {
            yield return seed;
        }
    }
}
