using System.Buffers.Binary;
using ActorBackup.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>That the points of a group are of one instant, and that a disk that cannot come to it does not hold the others for long.</summary>
public class GroupInstantTests(ITestOutputHelper output)
{
    private const int Blocks = 32;
    private const int Rounds = 20;

    /// <summary>Numbers rise by turns: first on one disk, and when that is acknowledged on the other. At any one instant they are equal, or the first is ahead by one.</summary>
    [Fact]
    public async Task What_was_acknowledged_before_something_else_was_written_is_never_missing_beside_it()
    {
        await using var world = await GroupWorld.StartAsync();
        var images = (A: await world.AddDiskAsync("a", Blocks, "x"), B: await world.AddDiskAsync("b", Blocks, "x"));
        await world.FillAsync("a", 0, 0);
        await world.FillAsync("b", 0, 0);
        await world.BackUpAsync("a", "x");
        await world.BackUpAsync("b", "x");
        using var stop = new CancellationTokenSource();
        var written = 0L;
        var writer = Task.Run(() => WriteByTurnsAsync(world, n => Volatile.Write(ref written, n), stop.Token));
        var load = new[] { "a", "b" }.Select(d => Task.Run(() => LoadAsync(world, d, stop.Token))).ToList();
        var file = world.FileOf("grouped", "backup: {disk: a, sync: bitmap, bitmap: x, policy: always}", "backup: {disk: b, sync: bitmap, bitmap: x, policy: always}");
        var (before, together, ahead) = (-1L, 0, 0);
        var holds = new List<long>();
        for (var round = 0; round < Rounds; round++)
        {
            await Patience.UntilAsync(() => Task.FromResult(Volatile.Read(ref written)), n => n > before, "the writer");
            var acknowledged = Volatile.Read(ref written);
            var started = await world.RunAsync("group", "start", "-f", file, "--wait", "-o", "json");
            Assert.True(started.ExitCode == 0, started.ToString());
            var group = World.Json(started.Out);
            var (a, b) = (await NumberAsync(world, group, "a"), await NumberAsync(world, group, "b"));
            Assert.True(a == b || a == b + 1, $"round {round}: {a} on the disk that is written first, {b} on the other");
            Assert.True(b >= acknowledged, $"round {round}: {acknowledged} was acknowledged before the group began, and the point has {b}");
            (before, together, ahead) = (Volatile.Read(ref written), together + (a == b ? 1 : 0), ahead + (a == b ? 0 : 1));
            holds.Add(group.GetProperty("holdMicroseconds").GetInt64());
        }

        await stop.CancelAsync();
        await writer;
        await Task.WhenAll(load);
        output.WriteLine($"equal {together}, ahead {ahead}, {written} pairs of writes; held for {holds.Min()} to {holds.Max()} µs, {holds.Order().ElementAt(Rounds / 2)} in the middle");
        Assert.True(written > Rounds);
        foreach (var (disk, image) in new[] { ("a", images.A), ("b", images.B) })
        {
            var last = await world.AbkAsync("backup", disk, "--sync", "bitmap", "--bitmap", "x", "--policy", "always", "--wait");
            await world.AssertPointAsync(last.GetProperty("point").GetString()!, image);
        }
    }

    /// <summary>A write that its medium does not finish keeps its disk from the instant: the group is refused, and nobody waits longer than was allowed.</summary>
    [ToolFact("nbdkit")]
    public async Task A_disk_that_does_not_come_to_a_halt_in_time_refuses_the_group_and_nothing_is_left()
    {
        await using var world = await GroupWorld.StartAsync();
        await world.AddDiskAsync("a", Blocks, "x");
        await world.AddServedDiskAsync("b", Blocks, "delay", ["wdelay=3"], "x");
        await world.FillAsync("a", 1, 1);
        var before = await world.StateAsync("a", "b");
        var path = world.FileOf("grouped", "backup: {disk: a, sync: bitmap, bitmap: x, policy: always}", "backup: {disk: b, sync: bitmap, bitmap: x, policy: always}", "bitmapAdd: {disk: a, name: since}");
        await File.AppendAllTextAsync(path, "holdLimitMs: 100\n");
        await using var guest = await Guest.ConnectAsync(world.Node, "b");
        var stalled = guest.FillAsync([2], 2);

        // As soon as the write has its bit it is under way, and stays so for seconds.
        await Patience.UntilAsync(() => world.DirtyAsync("b", "x"), d => d.Length == 1, "the write to be under way");
        await world.RefusedAsync(13, "did not end within 0.1 s", "group", "start", "-f", path);
        Assert.False(stalled.IsCompleted);

        // The other one is let go at once, also while the write is still under way.
        await world.FillAsync("a", 1, 1);
        Assert.False(stalled.IsCompleted);
        await stalled;
        Assert.Equal(2, Assert.Single(await world.DirtyAsync("b", "x")));
        Assert.Equal(0, (await world.AbkAsync("job", "list")).GetArrayLength());
        Assert.Equal(0, (await world.AbkAsync("group", "list")).GetArrayLength());
        Assert.Single((await world.AbkAsync("bitmap", "list", "a")).EnumerateArray());
        await world.AssertBitmapAsync("a", "x", [1], null, "none");
        await world.AssertBitmapAsync("b", "x", [2], null, "none");
        Assert.NotEqual(before, await world.StateAsync("a", "b"));

        // When it is quiet the same group begins.
        var started = await world.RunAsync("group", "start", "-f", path, "--wait");
        Assert.True(started.ExitCode == 0, started.ToString());
    }

    private static async Task WriteByTurnsAsync(GroupWorld world, Action<long> acknowledged, CancellationToken stop)
    {
        await using var first = await Guest.ConnectAsync(world.Node, "a");
        await using var second = await Guest.ConnectAsync(world.Node, "b");
        var bytes = new byte[512];
        for (var n = 1L; !stop.IsCancellationRequested; n++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, n);
            await first.WriteAsync(0, bytes);
            await second.WriteAsync(0, bytes);
            acknowledged(n);
        }
    }

    /// <summary>Many writes at once, elsewhere.</summary>
    private static async Task LoadAsync(GroupWorld world, string disk, CancellationToken stop)
    {
        await using var guest = await Guest.ConnectAsync(world.Node, disk);
        var random = new Random(disk[0]);
        while (!stop.IsCancellationRequested)
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ =>
            {
                var bytes = new byte[4096];
                random.NextBytes(bytes);
                return guest.WriteAsync(Image.BlockBytes + (4096L * random.Next(16 * 8)), bytes);
            }));
        }
    }

    private static async Task<long> NumberAsync(GroupWorld world, System.Text.Json.JsonElement group, string disk)
    {
        var restored = world.PathOf("round.raw");
        await world.AbkAsync("point", "restore", GroupWorld.Member(group, disk).GetProperty("point").GetString()!, "--to", restored, "--force", "--wait");
        var bytes = new byte[8];
        await using var file = File.OpenRead(restored);
        await file.ReadExactlyAsync(bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }
}
