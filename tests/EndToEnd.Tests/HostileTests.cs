using System.Diagnostics;
using System.Globalization;
using ActorBackup.EndToEnd.Tests.Hostile;
using ActorBackup.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A node under clients that mean no good, while a guest goes on with its work. Alone on the machine while it runs, for others' sake.</summary>
[Collection(Name)]
public sealed class HostileTests(ITestOutputHelper output)
{
    public const string Name = "hostile";

    private const int FilesNeeded = 8192;
    private const int RoundsMin = 3;

    /// <summary>By then everything has been used once, and the garbage collector has seen how much that is.</summary>
    private const int RoundsToSettle = 6;
    private const int DawdlersPerRound = 1500;
    private const int BreakersPerRound = 1200;

    /// <summary>More than a node has places for.</summary>
    private const int OccupantsMax = 2000;

    /// <summary>What all clients together may hold is 256 MiB, and 256 KiB of each besides; then there are the buffers kept for the next ones.</summary>
    private const int PeakMiBMax = 800;

    /// <summary>Of the resting node from then to the end.</summary>
    private const int GrowthMiBMax = 96;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(double.Parse(
        Environment.GetEnvironmentVariable("ACTORBACKUP_HOSTILE_SECONDS") ?? "12", CultureInfo.InvariantCulture));

    [Trait("Category", "Slow")]
    [ManyFilesFact(FilesNeeded)]
    public async Task A_guest_works_on_and_nothing_is_left_of_those_who_leave()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 64 * Image.MiB, seed: 80));
        await world.AbkAsync("bitmap", "add", "d", "b");
        var node = world.Node.ProcessId;
        var guest = HonestGuest.Start(world.Node, "d", 32 * Image.MiB, 32 * Image.MiB);
        await Patience.UntilAsync(() => Task.FromResult(guest.Rounds), r => r > 0, "the guest's first write");
        var before = ProcessFigures.Of(node);
        output.WriteLine($"before: {before}");
        var (settled, after) = (before, before);
        using (var crowd = new Crowd(world.Node.Socket, "d"))
        {
            var watch = Stopwatch.StartNew();
            for (var round = 1; round <= RoundsMin || watch.Elapsed < Duration; round++)
            {
                await RoundAsync(world.Node, crowd, round);
                after = await RestingAsync(node, before);
                output.WriteLine($"after round {round}, {watch.Elapsed.TotalSeconds:0} s: {after}");
                settled = round <= RoundsToSettle ? after : settled;
            }
        }

        await guest.StopAsync();
        output.WriteLine($"guest: {guest.Rounds} writes read back, slowest {guest.Slowest.TotalMilliseconds:0} ms");
        Assert.True(after.PeakMiB < PeakMiBMax, $"The node had {after.PeakMiB} MiB.");
        Assert.True(after.ResidentMiB - settled.ResidentMiB < GrowthMiBMax, $"The node grew from {settled.ResidentMiB} to {after.ResidentMiB} MiB.");
        Assert.DoesNotContain(world.Node.Log.Split('\n'), l => l.StartsWith("nbd: ", StringComparison.Ordinal));
    }

    private async Task RoundAsync(RunningNode node, Crowd crowd, int round)
    {
        var dawdling = crowd.DawdleAsync(DawdlersPerRound);
        await Patience.UntilAsync(() => Task.FromResult(crowd.Staying), s => s > DawdlersPerRound / 2, "the queue to be full");
        var watch = Stopwatch.StartNew();
        await Task.Run(() =>
        {
            using var newcomer = new RawConnection(node.Socket).Greet();
            Assert.Null(newcomer.Choose("d"));
        });
        output.WriteLine($"round {round}: a newcomer among {DawdlersPerRound} who choose nothing had its disk after {watch.Elapsed.TotalMilliseconds:0} ms");
        await dawdling;
        await crowd.BreakAsync(BreakersPerRound);
        var places = await crowd.OccupyAsync(OccupantsMax);
        var full = ProcessFigures.Of(node.ProcessId);
        output.WriteLine($"round {round}: {places} places, then refusals: {full}");
        crowd.Leave();
    }

    /// <summary>The figures when nobody is connected but the guest.</summary>
    private static Task<ProcessFigures> RestingAsync(int node, ProcessFigures before) =>
        Patience.UntilAsync(
            () => Task.FromResult(ProcessFigures.Of(node)),
            f => f.Sockets <= before.Sockets && f.Descriptors <= before.Descriptors,
            "the connections of those who left to end");
}

[CollectionDefinition(HostileTests.Name, DisableParallelization = true)]
public sealed class HostileTestsRunAlone;
