using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Groups whose node dies or is stopped: whatever was decided holds, and what was not decided ends for all or goes on for all (rules 18 and 19).</summary>
public class GroupCrashTests
{
    private const int Blocks = 64;
    private const string Slow = "rate: 64K, workers: 1";

    [Fact]
    public async Task A_group_that_copies_when_its_node_is_killed_is_aborted_and_each_bitmap_follows_its_policy()
    {
        await using var world = await GroupWorld.StartAsync();
        var images = (A: await world.AddDiskAsync("a", Blocks, "x"), B: await world.AddDiskAsync("b", Blocks, "x"));
        var basePoint = await world.BackUpAsync("b", "x");
        var copied = await world.BackUpAsync("a", "x");
        await world.FillAsync("a", 1, 1, 2);
        await world.FillAsync("b", 1, [.. Enumerable.Range(0, 40).Select(b => (long)b)]);
        var group = await world.StartGroupedAsync(
            "backup: {disk: a, sync: bitmap, bitmap: x, policy: always}", $"backup: {{disk: b, sync: bitmap, bitmap: x, policy: conditional, {Slow}}}", "bitmapAdd: {disk: b, name: since}");
        await world.AwaitStatusAsync(group, "a", "waiting");
        await world.FillAsync("a", 2, 9);
        await world.FillAsync("b", 2, 50);

        await world.KillAndStartAsync();

        var end = await world.EndOfAsync(group);
        Assert.Equal(("failed", "cancelled", "interrupted"), (Outcome(end), Outcome(end, "a"), Outcome(end, "b")));
        Assert.Contains("died", end.GetProperty("error").GetString(), StringComparison.Ordinal);
        var kept = GroupWorld.Member(end, "a").GetProperty("point").GetString()!;
        Assert.Equal(("partial", kept), Base(await world.BitmapAsync("a", "x")));
        Assert.Equal("partial", (await world.AbkAsync("point", "show", kept)).GetProperty("state").GetString());
        Assert.Equal(("valid", basePoint), Base(await world.BitmapAsync("b", "x")));
        Assert.Superset(new HashSet<long> { 9 }, (await world.DirtyAsync("a", "x")).ToHashSet());
        Assert.Superset(Enumerable.Range(0, 40).Select(b => (long)b).Append(50).ToHashSet(), (await world.DirtyAsync("b", "x")).ToHashSet());
        Assert.Single((await world.AbkAsync("bitmap", "list", "b")).EnumerateArray());
        Assert.NotEqual(copied, kept);
        foreach (var (disk, image) in new[] { ("a", images.A), ("b", images.B) })
        {
            var next = await world.AbkAsync("backup", disk, "--sync", "bitmap", "--bitmap", "x", "--policy", "always", "--wait");
            await world.AssertPointAsync(next.GetProperty("point").GetString()!, image);
        }
    }

    /// <summary>A backup that names no bitmap has voted too: its point is published whatever died since, and a bitmap that was added beside it counts from it.</summary>
    [Fact]
    public async Task A_full_backup_without_a_bitmap_keeps_its_vote_over_a_kill()
    {
        await using var world = await GroupWorld.StartAsync();
        var images = (A: await world.AddDiskAsync("a", Blocks, "x"), B: await world.AddDiskAsync("b", Blocks, "x"));
        var instant = world.Copy(images.B);
        var group = await world.StartGroupedAsync(
            "backup: {disk: a, sync: full, bitmap: x, policy: always, noAutoFinalize: true}", "backup: {disk: b, sync: full}", "bitmapAdd: {disk: b, name: since}", "bitmapClear: {disk: b, name: x}");
        await world.AwaitPendingAsync(group);
        await world.FillAsync("b", 2, 5);
        Assert.True((await world.BitmapAsync("b", "x")).GetProperty("busy").GetBoolean());

        await world.KillAndStartAsync();
        await world.AwaitPendingAsync(group);
        await world.AbkAsync("group", "finalize", group);

        var end = await world.EndOfAsync(group);
        Assert.Equal(("success", "success", "success"), (Outcome(end), Outcome(end, "a"), Outcome(end, "b")));
        var point = GroupWorld.Member(end, "b").GetProperty("point").GetString()!;
        await world.AssertPointAsync(point, instant);
        Assert.Equal(("valid", point), Base(await world.BitmapAsync("b", "since")));
        Assert.Equal(("valid", point), Base(await world.BitmapAsync("b", "x")));
        Assert.False((await world.BitmapAsync("b", "x")).GetProperty("busy").GetBoolean());
        Assert.Contains(5L, await world.DirtyAsync("b", "since"));
    }

    /// <summary>All have voted: only the decision is missing, or it is there and nobody has heard of it.</summary>
    [Theory]
    [InlineData("finalize", true)]
    [InlineData("cancel", true)]
    [InlineData("finalize", false)]
    public async Task A_group_that_waits_for_a_decision_outlives_a_kill(string verb, bool isKilledBefore)
    {
        await using var world = await GroupWorld.StartAsync();
        var images = (A: await world.AddDiskAsync("a", Blocks, "x"), B: await world.AddDiskAsync("b", Blocks, "x"));
        var basePoint = await world.BackUpAsync("b", "x");
        await world.FillAsync("b", 1, 2);
        var instants = (A: world.Copy(images.A), B: world.Copy(images.B));
        var group = await world.StartGroupedAsync(
            "backup: {disk: a, sync: full, bitmap: x, policy: always, noAutoFinalize: true}", "backup: {disk: b, sync: bitmap, bitmap: x, policy: conditional}", "bitmapAdd: {disk: b, name: since}");
        await world.AwaitPendingAsync(group);
        await world.FillAsync("a", 2, 4);
        await world.FillAsync("b", 2, 5);
        if (isKilledBefore)
        {
            await world.KillAndStartAsync();
            await world.AwaitPendingAsync(group);
            await world.RefusedAsync(11, "in use by job", "bitmap", "clear", "a", "x");
        }

        await world.AbkAsync("group", verb, group);
        if (!isKilledBefore)
        {
            await world.KillAndStartAsync();
        }

        var end = await world.EndOfAsync(group);
        var (pointA, pointB) = (GroupWorld.Member(end, "a").GetProperty("point").GetString(), GroupWorld.Member(end, "b").GetProperty("point").GetString());
        if (verb == "cancel")
        {
            Assert.Equal(("cancelled", "cancelled", "cancelled"), (Outcome(end), Outcome(end, "a"), Outcome(end, "b")));
            Assert.Equal(("partial", pointA), Base(await world.BitmapAsync("a", "x")));
            Assert.Equal(("valid", basePoint), Base(await world.BitmapAsync("b", "x")));
            Assert.Null(pointB);
            Assert.Superset(new HashSet<long> { 2, 5 }, (await world.DirtyAsync("b", "x")).ToHashSet());
            Assert.Single((await world.AbkAsync("bitmap", "list", "b")).EnumerateArray());
        }
        else
        {
            Assert.Equal(("success", "success", "success"), (Outcome(end), Outcome(end, "a"), Outcome(end, "b")));
            await world.AssertPointAsync(pointA!, instants.A);
            await world.AssertPointAsync(pointB!, instants.B);
            Assert.Equal(("valid", pointA), Base(await world.BitmapAsync("a", "x")));
            Assert.Equal(("valid", pointB), Base(await world.BitmapAsync("b", "x")));
            Assert.Superset(new HashSet<long> { 5 }, (await world.DirtyAsync("b", "since")).ToHashSet());
        }

        await world.AbkAsync("bitmap", "clear", "a", "x");
        Assert.Equal(["concluded"], (await world.AbkAsync("group", "list")).EnumerateArray().Select(g => g.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task A_group_goes_on_over_an_orderly_stop_and_commits()
    {
        await using var world = await GroupWorld.StartAsync();
        var images = (A: await world.AddDiskAsync("a", Blocks, "x"), B: await world.AddDiskAsync("b", Blocks, "x"));
        var instants = (A: world.Copy(images.A), B: world.Copy(images.B));
        var group = await world.StartGroupedAsync(
            "backup: {disk: a, sync: full, bitmap: x, policy: always}", $"backup: {{disk: b, sync: full, bitmap: x, policy: conditional, {Slow}}}", "bitmapAdd: {disk: a, name: since}");
        await world.AwaitStatusAsync(group, "a", "waiting");
        await world.FillAsync("a", 2, 4);
        await world.FillAsync("b", 2, 60);
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await world.FillAsync("a", 3, 5);
        await world.FillAsync("b", 3, 61);

        var slow = await world.JobOfAsync(group, "b");
        await Patience.UntilAsync(() => world.JobAsync(slow), j => j.GetProperty("phase").GetString() == "copying", "the job to go on");
        Assert.Equal("running", (await world.GroupAsync(group)).GetProperty("status").GetString());
        await world.AbkAsync("job", "set-rate", slow, "0");

        var end = await world.EndOfAsync(group);
        Assert.Equal("success", Outcome(end));
        await world.AssertPointAsync(GroupWorld.Member(end, "a").GetProperty("point").GetString()!, instants.A);
        await world.AssertPointAsync(GroupWorld.Member(end, "b").GetProperty("point").GetString()!, instants.B);
        await world.AssertBitmapAsync("a", "x", [4, 5], GroupWorld.Member(end, "a").GetProperty("point").GetString(), "valid");
        await world.AssertBitmapAsync("a", "since", [4, 5], GroupWorld.Member(end, "a").GetProperty("point").GetString(), "valid");
        await world.AssertBitmapAsync("b", "x", [60, 61], GroupWorld.Member(end, "b").GetProperty("point").GetString(), "valid");
    }

    /// <summary>Nobody but a person ends it, and its group is not over before.</summary>
    [Fact]
    public async Task A_job_of_an_individual_group_that_waits_for_a_person_still_does_after_a_kill()
    {
        await using var world = await GroupWorld.StartAsync();
        var image = await world.AddDiskAsync("a", Blocks, "x");
        await world.AddDiskAsync("b", Blocks);
        var group = await world.StartGroupAsync(world.FileOf("individual", "backup: {disk: a, sync: full, bitmap: x, policy: always, noAutoFinalize: true}", "backup: {disk: b, sync: full}"));
        await world.AwaitStatusAsync(group, "a", "pending");
        await world.AwaitStatusAsync(group, "b", "concluded");

        await world.KillAndStartAsync();

        // The group's coordinator has asked every disk again by the time that it answers somebody who waits.
        Assert.Equal(5, (await world.RunAsync("group", "wait", group, "--timeout", "3")).ExitCode);
        var job = await world.JobOfAsync(group, "a");
        Assert.Equal("pending", (await world.JobAsync(job)).GetProperty("status").GetString());
        Assert.Equal(1, (await world.AbkAsync("point", "list")).GetArrayLength());
        await world.AbkAsync("job", "finalize", job);
        Assert.Equal("success", await world.OutcomeOfAsync(group));
        await world.AssertPointAsync(job, image);
    }

    /// <summary>What was decided is decided for a job that no run stands for, too.</summary>
    [Fact]
    public async Task A_member_of_a_committed_group_cannot_be_cancelled_while_its_repository_is_away()
    {
        await using var world = await GroupWorld.StartAsync();
        var images = (A: await world.AddDiskAsync("a", Blocks, "x"), B: await world.AddDiskAsync("b", Blocks, "x"));
        await world.AbkAsync("repo", "create", "other", $"file:{world.PathOf("other")}");
        var group = await world.StartGroupedAsync(
            "backup: {disk: a, sync: full, bitmap: x, policy: always, noAutoFinalize: true}", "backup: {disk: b, repo: other, sync: full, bitmap: x, policy: conditional}");
        await world.AwaitPendingAsync(group);
        Directory.Move(world.PathOf("other"), world.PathOf("other.away"));
        await world.AbkAsync("group", "finalize", group);
        await world.AwaitStatusAsync(group, "a", "concluded");
        await world.KillAndStartAsync();

        var job = await world.JobOfAsync(group, "b");
        await world.RefusedAsync(1, "cannot be cancelled", "job", "cancel", job);
        await world.RefusedAsync(1, "cannot be", "job", "finalize", job, "--discard");
        await world.RefusedAsync(1, "any more", "group", "cancel", group, "--force");
        Directory.Move(world.PathOf("other.away"), world.PathOf("other"));
        var end = await world.EndOfAsync(group);
        Assert.Equal(("success", "success", "success"), (Outcome(end), Outcome(end, "a"), Outcome(end, "b")));
        await world.AssertPointAsync(job, images.B);
    }

    [Theory]
    [InlineData("group", false)]
    [InlineData("job", false)]
    [InlineData("job", true)]
    public async Task A_group_whose_repository_stays_away_after_a_stop_can_be_cancelled_and_keeps_what_its_policies_say(string what, bool isForced)
    {
        await using var world = await GroupWorld.StartAsync();
        var images = (A: await world.AddDiskAsync("a", Blocks, "x"), B: await world.AddDiskAsync("b", Blocks, "x"));
        var group = await world.StartGroupedAsync("backup: {disk: a, sync: full, bitmap: x, policy: always}", $"backup: {{disk: b, sync: full, bitmap: x, policy: conditional, {Slow}}}");
        await world.AwaitStatusAsync(group, "a", "waiting");
        Assert.Equal(0, await world.Node.StopAsync());
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        await world.StartNodeAsync();
        await world.FillAsync("a", 3, 5);
        await world.FillAsync("b", 3, 61);

        string[] force = isForced ? ["--force"] : [];
        await world.AbkAsync([what, "cancel", what == "group" ? group : await world.JobOfAsync(group, "b"), .. force]);

        Assert.Equal("cancelled", Outcome(await world.EndOfAsync(group)));
        var copied = await world.JobOfAsync(group, "a");
        foreach (var (disk, isKept) in new[] { ("a", !isForced), ("b", false) })
        {
            var bitmap = await world.BitmapAsync(disk, "x");
            Assert.Equal((isKept ? "partial" : "none", isKept ? copied : null), Base(bitmap));
            Assert.False(bitmap.GetProperty("busy").GetBoolean());
        }

        await world.Node.KillAsync();
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        await world.StartNodeAsync();
        foreach (var (disk, image, sync) in new[] { ("a", images.A, isForced ? "full" : "bitmap"), ("b", images.B, "full") })
        {
            var next = await world.AbkAsync("backup", disk, "--sync", sync, "--bitmap", "x", "--policy", "always", "--wait");
            await world.AssertPointAsync(next.GetProperty("point").GetString()!, image);
        }

        Assert.Equal(!isForced, (await world.AbkAsync("point", "list")).EnumerateArray().Any(p => p.GetProperty("id").GetString() == copied));
    }

    private static string? Outcome(JsonElement group) => group.GetProperty("outcome").GetString();

    private static string? Outcome(JsonElement group, string disk) => GroupWorld.Member(group, disk).GetProperty("outcome").GetString();

    private static (string?, string?) Base(JsonElement bitmap) => (bitmap.GetProperty("baseState").GetString(), bitmap.GetProperty("base").GetString());
}
