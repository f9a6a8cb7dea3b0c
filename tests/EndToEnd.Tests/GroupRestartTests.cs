using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A grouped group that fails is started again by itself, as a new group at a new instant (rule 21); one that does not succeed leaves nothing but what its policies keep.</summary>
public class GroupRestartTests
{
    private const int Blocks = 64;

    /// <summary>So slow that a job is there until it is let go.</summary>
    private const string Slow = "rate: 64K, workers: 1";

    [MountFact]
    public async Task A_group_whose_target_is_full_is_started_again_until_it_commits_one_point_of_both()
    {
        await using var world = await GroupWorld.StartAsync();
        var mount = await world.MountTmpfsAsync("small", "20m");
        var (a, b) = (await world.AddDiskAsync("a", Blocks, "x"), await world.AddDiskAsync("b", 512, "x"));
        await world.AbkAsync("repo", "create", "small", $"file:{mount}/repo");
        await world.BackUpAsync("a", "x");
        await world.FillAsync("a", 1, 1, 2);

        var waiting = world.RunAsync(
            "group", "start", "--wait", "-o", "json", "-f",
            world.FileOf("grouped", "backup: {disk: a, sync: bitmap, bitmap: x, policy: conditional, restart: 1}", "backup: {disk: b, repo: small, sync: full, bitmap: x, policy: always, restart: 8}"));
        var first = (await Patience.UntilAsync(
            () => world.AbkAsync("group", "list"), g => g.EnumerateArray().Any(o => o.GetProperty("retriedAs").ValueKind == JsonValueKind.String), "the restart")).EnumerateArray().First();
        await world.FillAsync("a", 2, 3);
        await world.FillAsync("b", 2, 500);

        // A group that is listed from now on has its instant after these writes.
        var before = (await world.AbkAsync("group", "list")).GetArrayLength();
        await Patience.UntilAsync(() => world.AbkAsync("group", "list"), g => g.GetArrayLength() > before, "another try");
        await Tool.SucceedAsync("mount", "-o", "remount,size=200m", mount);

        var end = await waiting;
        Assert.True(end.ExitCode == 0, end.ToString());
        var last = World.Json(end.Out);
        Assert.Equal(("success", "failed"), (last.GetProperty("outcome").GetString(), first.GetProperty("outcome").GetString()));
        Assert.NotEqual(first.GetProperty("id").GetString(), last.GetProperty("id").GetString());
        await AssertChainAsync(world, first.GetProperty("id").GetString()!, last);
        foreach (var (disk, image) in new[] { ("a", a), ("b", b) })
        {
            var point = GroupWorld.Member(last, disk).GetProperty("point").GetString()!;
            await world.AssertPointAsync(point, image);
            await world.AssertBitmapAsync(disk, "x", [], point, "valid");
        }
    }

    /// <summary>The wait is the coordinator's, in its journal; a start that is refused counts.</summary>
    [ToolFact("nbdkit")]
    public async Task A_group_that_waits_to_be_started_again_outlives_a_kill()
    {
        await using var world = await GroupWorld.StartAsync();
        var (a, b, broken) = await AddDisksAsync(world);
        var first = await world.StartGroupedAsync(
            "backup: {disk: a, sync: full, bitmap: x, policy: always}", "backup: {disk: b, sync: full, bitmap: x, policy: conditional, restart: 50}", "bitmapAdd: {disk: a, name: since}");
        var group = await FailAndRefuseAsync(world, first);
        Assert.Equal(["x"], await NamesAsync(world, "a"));

        await world.KillAndStartAsync();
        File.Delete(broken);
        await world.FillAsync("a", 2, 3);
        Assert.True((await world.GroupAsync(group)).GetProperty("restartDue").GetBoolean());
        var followers = new[] { ("wait", "a"), ("wait", "b"), ("watch", "a") }.Select(async f => (Disk: f.Item2, End: await world.RunAsync("job", f.Item1, await world.JobOfAsync(group, f.Item2), "-o", "json"))).ToList();
        await world.AbkAsync("disk", "start", "b");

        Assert.Equal(0, (await world.RunAsync("group", "wait", group)).ExitCode);
        var next = await world.GroupAsync((await world.GroupAsync(group)).GetProperty("retriedAs").GetString()!);
        Assert.Equal("success", next.GetProperty("outcome").GetString());
        foreach (var (disk, end) in await Task.WhenAll(followers))
        {
            // Whoever followed a member of the group has followed its work.
            Assert.True(end.ExitCode == 0, end.ToString());
            Assert.Equal(GroupWorld.Member(next, disk).GetProperty("job").GetString(), World.Json(end.Out.TrimEnd().Split('\n')[^1]).GetProperty("id").GetString());
        }

        await AssertChainAsync(world, first, next);
        await world.AssertPointAsync(GroupWorld.Member(next, "a").GetProperty("point").GetString()!, a);
        await world.AssertPointAsync(GroupWorld.Member(next, "b").GetProperty("point").GetString()!, b);
        Assert.Equal("valid", (await world.BitmapAsync("a", "since")).GetProperty("baseState").GetString());
    }

    [ToolFact("nbdkit")]
    public Task A_group_that_is_cancelled_while_it_waits_is_not_started_again() => CancelAsync(isKilled: false);

    [ToolFact("nbdkit")]
    public Task A_group_that_is_cancelled_while_it_waits_is_not_started_again_after_a_kill_either() => CancelAsync(isKilled: true);

    [Theory]
    [InlineData("group", false)]
    [InlineData("group", true)]
    [InlineData("job", false)]
    [InlineData("job", true)]
    public async Task What_a_person_cancels_is_not_started_again_and_leaves_no_bitmap_that_keeps_nothing(string what, bool isForced)
    {
        await using var world = await GroupWorld.StartAsync();
        await world.AddDiskAsync("a", Blocks);
        await world.AddDiskAsync("b", Blocks, "x");
        var group = await world.StartGroupedAsync(
            $"backup: {{disk: a, {Slow}, restart: 3}}", $"backup: {{disk: b, sync: full, bitmap: x, policy: conditional, {Slow}, restart: 3}}");
        Assert.Equal(["auto.main"], await NamesAsync(world, "a"));

        string[] force = isForced ? ["--force"] : [];
        await world.AbkAsync([what, "cancel", what == "group" ? group : await world.JobOfAsync(group, "b"), .. force]);

        var end = await world.EndOfAsync(group);
        Assert.Equal(("cancelled", false, 3), (end.GetProperty("outcome").GetString(), end.GetProperty("restartDue").GetBoolean(), end.GetProperty("restarts").GetInt32()));
        Assert.Equal(1, (await world.AbkAsync("group", "list")).GetArrayLength());

        // What was copied by then is a matter of time; without force it is kept, and only then there is something to keep it for.
        var kept = GroupWorld.Member(end, "a").GetProperty("point").ValueKind == JsonValueKind.String;
        Assert.False(isForced && kept);
        Assert.Equal(kept ? ["auto.main"] : [], await NamesAsync(world, "a"));
        await world.AssertBitmapAsync("b", "x", [], null, "none");
    }

    private static async Task CancelAsync(bool isKilled)
    {
        await using var world = await GroupWorld.StartAsync();
        var (_, _, broken) = await AddDisksAsync(world);
        var group = await FailAndRefuseAsync(world, await world.StartGroupedAsync("backup: {disk: a, sync: full}", "backup: {disk: b, sync: full, restart: 50}"));

        await world.AbkAsync("group", "cancel", group);
        await world.RefusedAsync(1, "any more", "group", "cancel", group);
        if (isKilled)
        {
            await world.KillAndStartAsync();
        }

        File.Delete(broken);
        await world.AbkAsync("disk", "start", "b");
        Assert.Equal(1, (await world.RunAsync("group", "wait", group)).ExitCode);
        var end = await world.GroupAsync(group);
        Assert.Equal((false, "failed", JsonValueKind.Null), (end.GetProperty("restartDue").GetBoolean(), end.GetProperty("outcome").GetString(), end.GetProperty("retriedAs").ValueKind));
    }

    /// <summary>Two disks of which b cannot be read as long as a file is there; that is returned.</summary>
    private static async Task<(string A, string B, string Broken)> AddDisksAsync(GroupWorld world)
    {
        var broken = world.PathOf("broken");
        var a = await world.AddDiskAsync("a", Blocks, "x");
        var b = await world.AddServedDiskAsync("b", Blocks, "error", ["error-pread=EIO", "error-pread-rate=100%", $"error-pread-file={broken}"], "x");
        await File.WriteAllTextAsync(broken, "");
        return (a, b, broken);
    }

    /// <summary>The group has failed, and a start of it was refused because disk b is stopped: it waits longer each time. Returns the group that waits.</summary>
    private static async Task<string> FailAndRefuseAsync(GroupWorld world, string group)
    {
        await world.EndOfAsync(group);
        await Patience.UntilAsync(() => world.RunAsync("disk", "stop", "b"), r => r.ExitCode == 0, "the disk to stop between two tries");

        // Whatever was started again before that has failed too.
        while ((await world.EndOfAsync(group)).GetProperty("retriedAs").GetString() is { } next)
        {
            group = next;
        }

        await Patience.UntilAsync(
            () => world.GroupAsync(group), g => g.GetProperty("error").GetString()!.Contains("stopped", StringComparison.Ordinal), "a start that is refused");
        return group;
    }

    private static async Task<string[]> NamesAsync(GroupWorld world, string disk) =>
        [.. (await world.AbkAsync("bitmap", "list", disk)).EnumerateArray().Select(b => b.GetProperty("name").GetString()!)];

    /// <summary>Every group is the retry of the one before it, and so are its jobs; only the last one has points that are complete.</summary>
    private static async Task AssertChainAsync(GroupWorld world, string first, JsonElement last)
    {
        var group = await world.GroupAsync(first);
        Assert.Equal(JsonValueKind.Null, group.GetProperty("retryOf").ValueKind);
        while (group.GetProperty("id").GetString() != last.GetProperty("id").GetString())
        {
            Assert.Equal(("failed", false), (group.GetProperty("outcome").GetString(), group.GetProperty("restartDue").GetBoolean()));
            var next = await world.GroupAsync(group.GetProperty("retriedAs").GetString()!);
            Assert.Equal(group.GetProperty("id").GetString(), next.GetProperty("retryOf").GetString());
            foreach (var disk in new[] { "a", "b" })
            {
                var (before, after) = (GroupWorld.Member(group, disk).GetProperty("job").GetString()!, GroupWorld.Member(next, disk).GetProperty("job").GetString()!);
                Assert.Equal(before, (await world.JobAsync(after)).GetProperty("retryOf").GetString());
                Assert.Equal(after, (await world.JobAsync(before)).GetProperty("retriedAs").GetString());
            }

            group = next;
        }

        var points = (await world.AbkAsync("point", "list")).EnumerateArray().Where(p => p.GetProperty("group").ValueKind == JsonValueKind.String && p.GetProperty("state").GetString() == "complete");
        Assert.Equal([last.GetProperty("id").GetString(), last.GetProperty("id").GetString()], points.Select(p => p.GetProperty("group").GetString()));
    }
}
