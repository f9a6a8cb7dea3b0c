using Xunit.Abstractions;

namespace ActorBackup.Simulation.Tests;

/// <summary>The shipped data plane under thousands of crashes, each followed by the question whether a bit is missing.</summary>
public sealed class PowerLossTests(ITestOutputHelper output)
{
    private const int SeedsByDefault = 400;
    private const int BrokenMax = 8;

    [Fact]
    public void No_crash_loses_a_bit_a_write_or_a_point()
    {
        var statistics = new Model.Statistics();
        var broken = new List<Outcome>();
        foreach (var seed in Seeds.ToRun(SeedsByDefault))
        {
            var outcome = Simulation.Run(seed);
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

        Assert.True(broken.Count == 0, $"{string.Join('\n', broken.Select(b => $"seed {b.Seed}: {b.Violation}"))}\n\n{broken.FirstOrDefault()}");
        Assert.True(statistics.CleanStops < 500 || statistics.Resumed > 0, "No suspended job went on: the simulation proves nothing about them.");
        output.WriteLine(statistics.ToString());
    }

    [Fact]
    public void A_seed_replays_exactly()
    {
        foreach (var seed in Seeds.ToRun(40).Take(40))
        {
            Assert.Equal(Simulation.Run(seed).TraceHash, Simulation.Run(seed).TraceHash);
        }
    }
}
