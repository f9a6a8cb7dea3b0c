using System.Globalization;
using ActorBackup.Actors.Groups;
using ActorBackup.Messages.Groups;
using Akka.TestKit.Xunit2;
using Xunit.Abstractions;

namespace ActorBackup.Actors.Tests.Groups;

/// <summary>The shipped coordinator over a network that loses, delays, repeats and reorders, with restarts at any moment (rules 18 and 19).</summary>
public sealed class GroupNetworkTests(ITestOutputHelper output) : TestKit(Configuration)
{
    private const int SeedsByDefault = 300;
    private const int SeedsMax = 10_000;

    private const string Configuration = """
        akka.loglevel = OFF
        akka.stdout-loglevel = OFF
        akka.log-dead-letters = off
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        """;

    private static readonly Dictionary<string, (GroupGuards Group, DiskGuards Disk)> Mutants = new(StringComparer.Ordinal)
    {
        [nameof(GroupGuards.BegunBeforeEnds)] = (new GroupGuards { BegunBeforeEnds = false }, DiskGuards.On),
        [nameof(GroupGuards.UndoWhatDidNotBegin)] = (new GroupGuards { UndoWhatDidNotBegin = false }, DiskGuards.On),
        [nameof(GroupGuards.EveryVote)] = (new GroupGuards { EveryVote = false }, DiskGuards.On),
        [nameof(GroupGuards.RememberDecision)] = (new GroupGuards { RememberDecision = false }, DiskGuards.On),
        [nameof(GroupGuards.TellUntilEnded)] = (new GroupGuards { TellUntilEnded = false }, DiskGuards.On),
        [nameof(GroupGuards.RememberRestart)] = (new GroupGuards { RememberRestart = false }, DiskGuards.On),
        [nameof(GroupGuards.RestartsAreAwaited)] = (new GroupGuards { RestartsAreAwaited = false }, DiskGuards.On),
        [nameof(GroupGuards.BorrowWhenHeld)] = (new GroupGuards { BorrowWhenHeld = false }, new DiskGuards { LendsWhenHeld = false }),
        [nameof(DiskGuards.HoldsExpire)] = (GroupGuards.On, new DiskGuards { HoldsExpire = false }),
        [nameof(DiskGuards.WaitForDecision)] = (GroupGuards.On, new DiskGuards { WaitForDecision = false }),
        [nameof(DiskGuards.VoteIsDurable)] = (GroupGuards.On, new DiskGuards { VoteIsDurable = false }),
    };

    public static TheoryData<string> Names => [.. Mutants.Keys];

    [Fact]
    public async Task A_group_is_whole_whatever_the_network_does()
    {
        var decisions = new List<GroupDecision>();
        var restarts = 0;
        foreach (var seed in Seeds())
        {
            var (violation, decision, begun) = await GroupLife.RunAsync(Sys, seed, GroupGuards.On, DiskGuards.On);
            Assert.True(violation is null, violation);
            decisions.Add(decision);
            restarts += begun;
        }

        var counts = decisions.GroupBy(d => d).ToDictionary(d => d.Key, d => d.Count());
        output.WriteLine($"{string.Join(", ", counts.Select(c => $"{c.Key}: {c.Value}"))}, restarts: {restarts}");
        Assert.True(decisions.Count < SeedsByDefault || restarts > 0, "No group was started again.");
        Assert.True(decisions.Count < SeedsByDefault || counts.Count == Enum.GetValues<GroupDecision>().Length, "Some end was never tried.");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_missing_guard_is_noticed(string guard)
    {
        var (group, disk) = Mutants[guard];
        for (var seed = 1UL; seed <= SeedsMax; seed++)
        {
            if ((await GroupLife.RunAsync(Sys, seed, group, disk)).Violation is { } violation)
            {
                output.WriteLine($"without {guard}, {violation.Split('\n')[0]}");
                return;
            }
        }

        Assert.Fail($"Without {guard} none of {SeedsMax} seeds breaks a promise.");
    }

    /// <summary>ACTORBACKUP_SEED = one, ACTORBACKUP_SEEDS = so many.</summary>
    private static IEnumerable<ulong> Seeds()
    {
        if (Environment.GetEnvironmentVariable("ACTORBACKUP_SEED") is { Length: > 0 } one)
        {
            return [ulong.Parse(one, CultureInfo.InvariantCulture)];
        }

        var count = Environment.GetEnvironmentVariable("ACTORBACKUP_SEEDS") is { Length: > 0 } many ? int.Parse(many, CultureInfo.InvariantCulture) : SeedsByDefault;
        return Enumerable.Range(1, count).Select(s => (ulong)s);
    }
}
