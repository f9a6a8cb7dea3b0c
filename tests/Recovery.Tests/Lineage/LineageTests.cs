using System.Globalization;
using ActorBackup.Recovery.Tests.Support;
using Xunit.Abstractions;

namespace ActorBackup.Recovery.Tests.Lineage;

/// <summary>Random lives of a disk with several bitmaps, two repositories, failures and restarts, beside a model that remembers bytes.</summary>
public sealed class LineageTests(ActorHost host, ITestOutputHelper output) : IClassFixture<ActorHost>
{
    private const int Steps = 120;

    /// <summary><c>ACTORBACKUP_SEED</c> replays one, <c>ACTORBACKUP_SEEDS</c> says how many there are.</summary>
    public static TheoryData<int> Seeds() =>
        Environment.GetEnvironmentVariable("ACTORBACKUP_SEED") is { Length: > 0 } one
            ? new TheoryData<int>(int.Parse(one, CultureInfo.InvariantCulture))
            : new TheoryData<int>(Enumerable.Range(1, int.Parse(Environment.GetEnvironmentVariable("ACTORBACKUP_SEEDS") ?? "12", CultureInfo.InvariantCulture)));

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Bitmaps_claim_what_differs_and_points_are_what_the_disk_was(int seed)
    {
        using var run = await LineageRun.StartAsync(host, seed);
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
            throw new InvalidOperationException($"seed {seed} (ACTORBACKUP_SEED={seed} replays it): {e.Message}\n{string.Join('\n', run.Trace.TakeLast(30))}\n{run.DescribeJobs()}", e);
        }

        output.WriteLine(string.Join(", ", run.Counts.OrderBy(c => c.Key).Select(c => $"{c.Key} {c.Value}")));
    }
}
