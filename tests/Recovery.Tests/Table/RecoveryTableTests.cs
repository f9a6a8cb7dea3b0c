using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;
using Xunit.Abstractions;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>The table at the end of docs/RULES.md: a kill before every step of a job's life, and before every step of the recovery from it.</summary>
public sealed class RecoveryTableTests(Preludes preludes, ITestOutputHelper output) : IClassFixture<Preludes>
{
    public static TheoryData<string, Ending> Lives()
    {
        var lives = new TheoryData<string, Ending>();
        foreach (var kind in Kind.All)
        {
            foreach (var ending in kind.Endings)
            {
                lives.Add(kind.ToString(), ending);
            }
        }

        return lives;
    }

    [Theory]
    [MemberData(nameof(Lives))]
    public async Task A_kill_at_any_step_is_recovered_as_the_table_says(string name, Ending ending)
    {
        var kind = Kind.All.Single(k => k.ToString() == name);
        var (world, dirty) = await preludes.ForkAsync(kind);
        var before = kind.Bitmap is { } b && world.Machine.Journal.State().Bitmaps.TryGetValue(b, out var bitmap) ? bitmap.Base : BitmapBase.None;
        var earlier = world.Machine.Journal.State().Jobs.Keys.ToHashSet();
        var life = new JobLife(world, kind, ending);
        var images = await life.RunAsync();
        world.Dispose();
        var rows = new HashSet<string>();
        foreach (var (image, number) in images.Select((i, n) => (i, n)))
        {
            using (image.World)
            {
                var when = $"{kind} {ending}, {image.Phase}, killed before step {number} ({image.Step})";
                var left = await Aftermath.ReadAsync(image.World, earlier);
                var expected = Expectation.Of(kind, left, dirty, image.World, before);
                when += $", row '{expected.Row}'";
                rows.Add(expected.Row);
                var isNewRow = preludes.Rows.Add((kind, expected.Row));
                using var untouched = isNewRow ? image.World.Fork() : null;
                var node = await RecoverTwiceAsync(image.World, kind, left.Job?.Spec.Id, expected, when);
                if (expected.Outcome is null && left.Job is { Conclusion: null, Pending: not null } pending && life.Decision(pending.Spec.Id) is { } decision)
                {
                    var decided = Expectation.Decided(kind, left, ending, dirty, image.World, before);
                    var reply = await node.AskAsync(decision);
                    Assert.True(reply is DiskReply.Job, $"{when}: {(reply as DiskReply.Rejected)?.Refusal.Message}");
                    await Recovered.CheckAsync(image.World, node, kind, pending.Spec.Id, decided, $"{when}, then {decided.Row}");
                }

                if (isNewRow)
                {
                    await Recovered.GoOnAsync(image.World, node, kind, when);
                }

                await node.KillAsync();
                if (untouched is not null)
                {
                    await KillRecoveryAsync(untouched, when);
                }
            }
        }

        output.WriteLine($"{images.Count} images; rows: {string.Join("; ", rows)}");
    }

    private static async Task<Node> RecoverTwiceAsync(World world, Kind kind, JobId? job, Expectation expected, string when)
    {
        var node = await world.StartAsync();
        await Recovered.CheckAsync(world, node, kind, job, expected, when);
        var first = await Recovered.DescribeAsync(world, node);
        await node.RecoverAsync();
        Assert.Equal(first, await Recovered.DescribeAsync(world, node));
        await node.KillAsync();
        node = await world.StartAsync();
        Assert.True(first == await Recovered.DescribeAsync(world, node), $"{when}: another recovery makes another thing of it");
        return node;
    }

    /// <summary>Killed before each of its steps, recovery comes to the same in the end.</summary>
    private static async Task KillRecoveryAsync(World world, string when)
    {
        var images = new List<(World World, string Step)>();
        var node = await world.StartAsync(step => images.Add((world.Fork(), step)));
        var whole = await Recovered.DescribeAsync(world, node);
        await node.KillAsync();
        foreach (var (image, step) in images)
        {
            using (image)
            {
                var again = await image.StartAsync();
                var end = await Recovered.DescribeAsync(image, again);
                Assert.True(whole == end, $"{when}: recovery that was killed before {step} came to\n{end}\nand not to\n{whole}");
                await Checks.AllAsync(image, again, $"{when}, recovery killed before {step}");
                await again.KillAsync();
            }
        }
    }
}
