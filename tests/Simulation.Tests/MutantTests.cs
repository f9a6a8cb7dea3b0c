using Xunit.Abstractions;

namespace ActorBackup.Simulation.Tests;

/// <summary>The simulation would notice: with any one guard off, some seed breaks a promise. That no seed does with all guards on is the other half.</summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    private const int SeedsMax = 8000;

    public static TheoryData<string> Names => [.. Mutants.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_missing_guard_is_noticed(string guard)
    {
        var (guards, order) = Mutants.All[guard];
        for (var seed = 1UL; seed <= SeedsMax; seed++)
        {
            if (Simulation.Run(seed, guards, order).Violation is { } violation)
            {
                output.WriteLine($"without {guard}, seed {seed}: {violation}");
                return;
            }
        }

        Assert.Fail($"Without {guard} none of {SeedsMax} seeds breaks a promise.");
    }
}
