using System.Globalization;
using ActorBackup.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>
/// The same random sequence of guest writes, bitmap commands, backups, transactions, finalizations and cancels, one after the other, against QEMU 7.2 and a
/// node: both refuse the same, bitmaps have the same flags and bits, jobs end alike and copy the same bytes.
/// </summary>
public sealed class ReplayTests(ITestOutputHelper output)
{
    private const int Steps = 60;
    private const int SeedsByDefault = 4;

    /// <summary><c>ACTORBACKUP_SEED</c> replays one, <c>ACTORBACKUP_SEEDS</c> says how many there are.</summary>
    private static IEnumerable<int> Seeds() =>
        Environment.GetEnvironmentVariable("ACTORBACKUP_SEED") is { Length: > 0 } one
            ? [int.Parse(one, CultureInfo.InvariantCulture)]
            : Enumerable.Range(1, Environment.GetEnvironmentVariable("ACTORBACKUP_SEEDS") is { Length: > 0 } many ? int.Parse(many, CultureInfo.InvariantCulture) : SeedsByDefault);

    [ToolFact("qemu-storage-daemon", "qemu-io")]
    public async Task What_is_done_to_QEMU_and_to_a_node_has_the_same_effects()
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var failures = new List<string>();
        var world = new ReplayWorld();
        foreach (var seed in Seeds())
        {
            if (await FailureAsync(world, seed, counts) is { } failure)
            {
                // What it has left, jobs above all, is in nobody's way.
                failures.Add(failure);
                await world.DisposeAsync();
                world = new ReplayWorld();
            }
        }

        await world.DisposeAsync();
        output.WriteLine(string.Join('\n', counts.Select(c => $"{c.Value,6} {c.Key}")));
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static async Task<string?> FailureAsync(ReplayWorld world, int seed, SortedDictionary<string, int> counts)
    {
        await using var run = await world.StartAsync(seed);
        try
        {
            for (var step = 0; step < Steps; step++)
            {
                await run.StepAsync();
            }

            await run.ComeToRestAsync();
        }
        catch (Exception e)
        {
            return $"seed {seed} (ACTORBACKUP_SEED={seed} replays it): {e.Message}\n{run.Trace}";
        }

        foreach (var (what, count) in run.Counts)
        {
            counts[what] = counts.GetValueOrDefault(what) + count;
        }

        return null;
    }
}
