using ActorBackup.Simulation.Tests.Repositories;
using ActorBackup.Storage.Writing;
using Xunit.Abstractions;

namespace ActorBackup.Simulation.Tests;

/// <summary>The shipped repository under thousands of crashes, over a store that fails: whatever was said to be durable is there, and every point restores.</summary>
public sealed class RepositoryTests(ITestOutputHelper output)
{
    private const int SeedsByDefault = 300;
    private const int MutantSeedsMax = 2000;
    private const int BrokenMax = 8;

    private static readonly Dictionary<string, WriterGuards> Mutants = new(StringComparer.Ordinal)
    {
        [nameof(WriterGuards.PutBeforeRecord)] = WriterGuards.On with { PutBeforeRecord = false },
        [nameof(WriterGuards.PutBeforeDurable)] = WriterGuards.On with { PutBeforeDurable = false },
        [nameof(WriterGuards.WaitForPending)] = WriterGuards.On with { WaitForPending = false },
        [nameof(WriterGuards.FailWhoWaits)] = WriterGuards.On with { FailWhoWaits = false },
        [nameof(WriterGuards.CompareWhatIsThere)] = WriterGuards.On with { CompareWhatIsThere = false },
        [nameof(WriterGuards.FlushNodes)] = WriterGuards.On with { FlushNodes = false },
    };

    // Of guards that few seeds need: tried first, to save time.
    private static readonly Dictionary<string, ulong> Rare = new() { [nameof(WriterGuards.FailWhoWaits)] = 420, [nameof(WriterGuards.CompareWhatIsThere)] = 94 };

    public static TheoryData<string> Names => [.. Mutants.Keys];

    [Fact]
    public void No_crash_and_no_failure_of_the_store_costs_a_point_a_block()
    {
        var statistics = new RepositoryStatistics();
        var broken = new List<RepositoryOutcome>();
        foreach (var seed in Seeds.ToRun(SeedsByDefault))
        {
            var outcome = RepositorySimulation.Run(seed);
            statistics.Add(outcome.Statistics);
            if (outcome.Violation is not null)
            {
                broken.Add(outcome);
            }

            if (broken.Count == BrokenMax)
            {
                break;
            }
        }

        output.WriteLine(statistics.ToString());
        Assert.True(broken.Count == 0, $"{string.Join('\n', broken.Select(b => $"seed {b.Seed}: {b.Violation}"))}\n\n{broken.FirstOrDefault()}");
    }

    [Fact]
    public void A_seed_replays_exactly()
    {
        foreach (var seed in Seeds.ToRun(40).Take(40))
        {
            Assert.Equal(RepositorySimulation.Run(seed).TraceHash, RepositorySimulation.Run(seed).TraceHash);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_missing_guard_is_noticed(string guard)
    {
        foreach (var seed in Enumerable.Range(0, MutantSeedsMax + 1).Select(n => n > 0 ? (ulong)n : Rare.GetValueOrDefault(guard, 1UL)))
        {
            if (RepositorySimulation.Run(seed, Mutants[guard]).Violation is { } violation)
            {
                output.WriteLine($"without {guard}, seed {seed}: {violation}");
                return;
            }
        }

        Assert.Fail($"Without {guard} none of {MutantSeedsMax} seeds breaks a promise.");
    }
}
