using ActorBackup.Actors.Backups;
using ActorBackup.Simulation.Tests.Backups;
using ActorBackup.Storage.Writing;
using Xunit.Abstractions;

namespace ActorBackup.Simulation.Tests;

/// <summary>The whole way of a backup, as it is shipped, under thousands of crashes: no bitmap lacks a bit, no point a block, and in the end everything comes to rest.</summary>
public sealed class BackupTests(ITestOutputHelper output)
{
    private const int SeedsByDefault = 200;
    private const int MutantSeedsMax = 1500;
    private const int BrokenMax = 8;

    private static readonly Dictionary<string, (CopyGuards Copy, WriterGuards Writer)> Mutants = new(StringComparer.Ordinal)
    {
        [nameof(CopyGuards.TreeBeforePair)] = (CopyGuards.On with { TreeBeforePair = false }, WriterGuards.On),
        [nameof(CopyGuards.PutBackChanges)] = (CopyGuards.On with { PutBackChanges = false }, WriterGuards.On),
        [nameof(CopyGuards.PairBeforeItCounts)] = (CopyGuards.On with { PairBeforeItCounts = false }, WriterGuards.On),
        [nameof(CopyGuards.ZeroesOverBase)] = (CopyGuards.On with { ZeroesOverBase = false }, WriterGuards.On),
        [nameof(CopyGuards.ListWhatBaseLacks)] = (CopyGuards.On with { ListWhatBaseLacks = false }, WriterGuards.On),
        [nameof(WriterGuards.PutBeforeDurable)] = (CopyGuards.On, WriterGuards.On with { PutBeforeDurable = false }),
        [nameof(WriterGuards.WaitForPending)] = (CopyGuards.On, WriterGuards.On with { WaitForPending = false }),
    };

    public static TheoryData<string> Names => [.. Mutants.Keys];

    [Fact]
    public void No_crash_and_no_failure_of_the_repository_loses_a_bit_or_a_block()
    {
        var statistics = new Model.Statistics();
        var broken = new List<Outcome>();
        foreach (var seed in Seeds.ToRun(SeedsByDefault))
        {
            var outcome = Run(seed, CopyGuards.On, WriterGuards.On);
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
        foreach (var seed in Seeds.ToRun(20).Take(20))
        {
            Assert.Equal(Run(seed, CopyGuards.On, WriterGuards.On).TraceHash, Run(seed, CopyGuards.On, WriterGuards.On).TraceHash);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_missing_guard_is_noticed(string guard)
    {
        var (copy, writer) = Mutants[guard];
        for (var seed = 1UL; seed <= MutantSeedsMax; seed++)
        {
            if (Run(seed, copy, writer).Violation is { } violation)
            {
                output.WriteLine($"without {guard}, seed {seed}: {violation}");
                return;
            }
        }

        Assert.Fail($"Without {guard} none of {MutantSeedsMax} seeds breaks a promise.");
    }

    private static Outcome Run(ulong seed, CopyGuards copy, WriterGuards writer) => Simulation.Run(seed, dice => BackupWorld.Create(dice, copy, writer));
}
