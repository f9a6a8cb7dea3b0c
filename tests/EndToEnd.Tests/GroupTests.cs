using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Several disks at one instant and, where they are grouped, with one outcome (rules 18 to 21).</summary>
public class GroupTests
{
    private const int Blocks = 64;

    /// <summary>So slow that a job of more than a block is there until it is let go.</summary>
    private const string Slow = "rate: 64K, workers: 1";

    [Fact]
    public async Task A_group_that_commits_leaves_a_point_of_one_instant_per_disk()
    {
        await using var world = await GroupWorld.StartAsync();
        var (a, b) = (await world.AddDiskAsync("a", Blocks, "x"), await world.AddDiskAsync("b", Blocks, "x"));
        await world.BackUpAsync("a", "x");
        await world.BackUpAsync("b", "x");
        await world.FillAsync("a", 1, 3, 4, 5, 60);
        await world.FillAsync("b", 2, 7, 8);
        var (instantA, instantB) = (world.Copy(a), world.Copy(b));

        var group = await world.StartGroupedAsync(
            $"backup: {{disk: a, sync: bitmap, bitmap: x, policy: always, {Slow}}}", "backup: {disk: b, sync: incremental, bitmap: x, policy: conditional}");
        await world.FillAsync("a", 3, 5, 20);
        await world.FillAsync("b", 4, 7, 30);
        await world.AwaitStatusAsync(group, "b", "waiting");
        Assert.Equal("running", (await world.GroupAsync(group)).GetProperty("status").GetString());
        await world.AbkAsync("job", "set-rate", await world.JobOfAsync(group, "a"), "0");
        Assert.Equal(0, (await world.RunAsync("group", "wait", group)).ExitCode);

        var end = await world.GroupAsync(group);
        Assert.Equal(("grouped", "concluded", "success"), (end.GetProperty("completionMode").GetString(), end.GetProperty("status").GetString(), end.GetProperty("outcome").GetString()));
        Assert.Equal(JsonValueKind.Null, end.GetProperty("error").ValueKind);
        Assert.InRange(end.GetProperty("holdMicroseconds").GetInt64(), 1, 2_000_000);
        Assert.Equal(group, Assert.Single((await world.AbkAsync("group", "list")).EnumerateArray()).GetProperty("id").GetString());
        foreach (var (disk, instant, dirty) in new[] { ("a", instantA, new long[] { 5, 20 }), ("b", instantB, [7, 30]) })
        {
            var member = GroupWorld.Member(end, disk);
            var point = member.GetProperty("point").GetString()!;
            Assert.Equal("success", member.GetProperty("outcome").GetString());
            var shown = await world.AbkAsync("point", "show", point);
            Assert.Equal(("complete", group), (shown.GetProperty("state").GetString(), shown.GetProperty("group").GetString()));
            Assert.Equal(group, (await world.JobAsync(point)).GetProperty("group").GetString());
            await world.AssertBitmapAsync(disk, "x", dirty, point, "valid");
            await world.AssertPointAsync(point, instant);
        }

        Directory.CreateDirectory(world.PathOf("all"));
        var restored = await world.RunAsync("group", "restore", group, "--to", world.PathOf("all"));
        Assert.True(restored.ExitCode == 0, restored.ToString());
        Image.AssertEqual(instantA, world.PathOf("all/a.raw"));
        Image.AssertEqual(instantB, world.PathOf("all/b.raw"));
    }

    /// <summary>The table of what a bitmap is after a group that did not succeed: of one that had copied everything, and of the one that brought it down.</summary>
    [Theory]
    [InlineData("always")]
    [InlineData("conditional")]
    [InlineData("never")]
    public async Task What_stays_of_a_group_that_does_not_succeed(string policy)
    {
        await using var world = await GroupWorld.StartAsync();
        foreach (var (ending, outcome, exitCode) in new[] { ("error", "failed", 1), ("cancel", "cancelled", 14), ("force", "cancelled", 14) })
        {
            var (done, slow) = ($"done-{ending}", $"slow-{ending}");
            await world.AddDiskAsync(done, Blocks, "x");
            await world.AddDiskAsync(slow, Blocks, "x");
            var basePoint = await world.BackUpAsync(done, "x");
            await world.FillAsync(done, 1, 1, 2, 3);
            await world.FillAsync(slow, 1, 2, 3, 4, 5, 6, 8, 9, 10);

            var group = await world.StartGroupedAsync(
                $"backup: {{disk: {done}, sync: bitmap, bitmap: x, policy: {policy}}}", $"backup: {{disk: {slow}, sync: bitmap, bitmap: x, policy: {policy}, {Slow}}}");
            await world.AwaitStatusAsync(group, done, "waiting");
            await world.FillAsync(done, 2, 3, 40);
            await world.FillAsync(slow, 2, 9, 41);
            var culprit = await world.JobOfAsync(group, slow);
            if (ending == "error")
            {
                // What lies behind block 5 cannot be read any more.
                await using var image = new FileStream(world.PathOf($"{slow}.raw"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                image.SetLength(6 * Image.BlockBytes);
            }

            await world.AbkAsync(ending switch
            {
                "error" => ["job", "set-rate", culprit, "0"],
                "cancel" => ["job", "cancel", culprit],
                _ => ["job", "cancel", culprit, "--force"],
            });
            Assert.Equal(exitCode, (await world.RunAsync("group", "wait", group)).ExitCode);

            var end = await world.EndOfAsync(group);
            Assert.Equal(outcome, end.GetProperty("outcome").GetString());
            Assert.Contains(ending == "error" ? "cannot be read" : "cancelled", end.GetProperty("error").GetString(), StringComparison.Ordinal);
            var (peer, guilty) = (GroupWorld.Member(end, done), GroupWorld.Member(end, slow));
            Assert.Equal(("cancelled", outcome), (peer.GetProperty("outcome").GetString(), guilty.GetProperty("outcome").GetString()));
            Assert.DoesNotContain(
                (await world.AbkAsync("point", "list", "--disk", done)).EnumerateArray(), p => p.GetProperty("group").GetString() == group && p.GetProperty("state").GetString() == "complete");
            if (policy != "always" || ending == "force")
            {
                // S and W, as if the group had never run.
                await world.AssertBitmapAsync(done, "x", [1, 2, 3, 40], basePoint, "valid");
                await world.AssertBitmapAsync(slow, "x", [2, 3, 4, 5, 6, 8, 9, 10, 41], null, "none");
                Assert.Equal(JsonValueKind.Null, peer.GetProperty("point").ValueKind);
                Assert.Equal(JsonValueKind.Null, guilty.GetProperty("point").ValueKind);
                await world.RefusedAsync(10, "no point", "point", "show", peer.GetProperty("job").GetString()!);
                await world.RefusedAsync(10, "no point", "point", "show", culprit);
                continue;
            }

            // R and W: of the peer nothing was left, and yet its point is not complete.
            var point = peer.GetProperty("point").GetString()!;
            await world.AssertBitmapAsync(done, "x", [3, 40], point, "partial");
            var shown = await world.AbkAsync("point", "show", point);
            Assert.Equal(("partial", 0, group), (shown.GetProperty("state").GetString(), shown.GetProperty("missing").GetArrayLength(), shown.GetProperty("group").GetString()));
            await world.RefusedAsync(1, "no complete point of every disk", "group", "restore", group, "--to", world.PathOf("never"));
            if (ending == "error")
            {
                await world.AssertBitmapAsync(slow, "x", [6, 8, 9, 10, 41], culprit, "partial");
            }
            else
            {
                // How many were copied is a matter of time; that the bitmap and the point agree is not.
                var missing = guilty.GetProperty("point").ValueKind == JsonValueKind.Null
                    ? [2, 3, 4, 5, 6, 8, 9, 10]
                    : GroupWorld.Blocks((await world.AbkAsync("point", "show", culprit)).GetProperty("missing")).Intersect([2, 3, 4, 5, 6, 8, 9, 10]);
                Assert.Equal(missing.Union([9, 41]).Order(), await world.DirtyAsync(slow, "x"));
            }

            // The next one copies the rest.
            var next = await world.AbkAsync("job", "retry", peer.GetProperty("job").GetString()!, "--wait");
            Assert.Equal(2 * Image.BlockBytes, next.GetProperty("bytesTotal").GetInt64());
            await world.AssertPointAsync(next.GetProperty("point").GetString()!, world.PathOf($"{done}.raw"));
        }
    }

    [Fact]
    public async Task A_running_job_cannot_come_to_a_policy_that_would_keep_bits_of_what_its_group_changed()
    {
        await using var world = await GroupWorld.StartAsync();
        await world.AddDiskAsync("a", Blocks, "x");
        var basePoint = await world.BackUpAsync("a", "x");
        await world.FillAsync("a", 1, 1, 2);
        string[] actions = ["bitmapClear: {disk: a, name: x}", $"backup: {{disk: a, sync: full, bitmap: x, policy: conditional, noAutoFinalize: true, {Slow}}}"];
        var group = await world.StartGroupedAsync(actions);
        var job = await world.JobOfAsync(group, "a");
        await world.RefusedAsync(2, "'always' would keep bits", "job", "set-policy", job, "always");
        await world.AbkAsync("job", "set-rate", job, "0");
        await world.AwaitPendingAsync(group);
        await world.RefusedAsync(2, "'always' would keep bits", "job", "set-policy", job, "always");
        await world.AbkAsync("group", "cancel", group);
        Assert.Equal("cancelled", await world.OutcomeOfAsync(group));
        await world.AssertBitmapAsync("a", "x", [1, 2], basePoint, "valid");

        // There the change counts from the beginning.
        var individual = await world.StartGroupAsync(world.FileOf("individual", actions));
        await world.AbkAsync("job", "set-policy", await world.JobOfAsync(individual, "a"), "always");
        await world.AbkAsync("job", "cancel", await world.JobOfAsync(individual, "a"));
        await world.EndOfAsync(individual);
        Assert.NotEqual(basePoint, (await world.BitmapAsync("a", "x")).GetProperty("base").GetString());
    }

    [Fact]
    public async Task What_is_refused_leaves_nothing_behind()
    {
        await using var world = await GroupWorld.StartAsync();
        await world.AddDiskAsync("a", Blocks, "x", "y");
        await world.AddDiskAsync("b", Blocks, "x");
        await world.AddDiskAsync("small", 1, "x");
        await world.FillAsync("a", 1, 1, 2);
        await world.FillAsync("b", 1, 3);
        const string Good = "backup: {disk: a, sync: bitmap, bitmap: x, policy: always}";
        var before = await world.StateAsync("a", "b");
        foreach (var (exitCode, says, actions) in new (int, string, string[])[]
        {
            (10, "no disk 'nope'", [Good, "backup: {disk: nope, sync: full}"]),
            (10, "no bitmap 'nope'", [Good, "backup: {disk: b, sync: bitmap, bitmap: nope, policy: always}"]),
            (10, "no bitmap 'nope'", [Good, "bitmapClear: {disk: b, name: nope}"]),
            (10, "no repository 'nope'", [Good, "backup: {disk: b, sync: full, repo: nope}"]),
            (2, "policy", [Good, "backup: {disk: b, sync: full, bitmap: x, policy: never}"]),
            (2, "'always' would keep bits", [Good, "bitmapClear: {disk: b, name: x}", "backup: {disk: b, sync: bitmap, bitmap: x, policy: always}"]),
            (2, "'always' would keep bits", ["bitmapAdd: {disk: b, name: new}", "backup: {disk: b, sync: full, bitmap: new, policy: always}"]),
            (11, "in use by job", [Good, "bitmapClear: {disk: a, name: x}"]),
            (1, "already has a bitmap 'x'", [Good, "bitmapAdd: {disk: b, name: x}"]),
            (11, "in use by job", [Good, "bitmapMerge: {disk: b, name: x, sources: [a/x]}"]),
            (10, "no bitmap 'nope'", [Good, "bitmapMerge: {disk: b, name: x, sources: [a/nope]}"]),
            (10, "no disk 'nope'", [Good, "bitmapMerge: {disk: b, name: x, sources: [nope/x]}"]),
            (2, "equal size", ["bitmapMerge: {disk: b, name: x, sources: [a/y, small/x]}"]),

            // The earliest action of the group, whatever disk it is of.
            (10, "no bitmap 'first'", ["bitmapClear: {disk: b, name: first}", "bitmapClear: {disk: a, name: second}"]),
            (10, "no bitmap 'first'", ["bitmapClear: {disk: b, name: x}", "bitmapClear: {disk: a, name: first}", "bitmapClear: {disk: b, name: second}"]),
            (10, "no bitmap 'first'", ["bitmapClear: {disk: b, name: first}", "backup: {disk: nope, sync: full}", "bitmapClear: {disk: a, name: second}"]),
            (10, "no disk 'nope'", ["bitmapClear: {disk: b, name: x}", "backup: {disk: nope, sync: full}", "bitmapClear: {disk: a, name: second}"]),
            (10, "no repository 'nope'", ["bitmapClear: {disk: b, name: x}", "backup: {disk: b, sync: full, repo: nope}", "bitmapClear: {disk: a, name: second}"]),
            (1, "already has a bitmap 'x'", ["bitmapAdd: {disk: b, name: x}", "backup: {disk: a, sync: full, repo: nope}"]),
            (1, "base", [Good, "backup: {disk: b, sync: incremental, bitmap: x}"]),
        })
        {
            var result = await world.RunAsync("group", "start", "-f", world.FileOf("grouped", actions));
            Assert.True(result.ExitCode == exitCode, $"{says}: expected {exitCode}, got {result}");
            Assert.Contains(says, result.Error, StringComparison.Ordinal);
            Assert.Equal(before, await world.StateAsync("a", "b"));
        }

        // One that makes its bitmap by itself: also that is gone.
        Assert.NotEqual(0, (await world.RunAsync("group", "start", "-f", world.FileOf("grouped", "backup: {disk: a}", "backup: {disk: nope}"))).ExitCode);
        Assert.Equal(before, await world.StateAsync("a", "b"));

        // Two at once on one bitmap.
        var first = await world.StartGroupedAsync($"backup: {{disk: a, sync: bitmap, bitmap: x, policy: always, {Slow}}}", $"backup: {{disk: b, sync: full, {Slow}}}");
        var during = await world.AbkAsync("job", "list");
        await world.RefusedAsync(11, "in use by job", "group", "start", "-f", world.FileOf("grouped", Good, "backup: {disk: b, sync: full}"));
        Assert.Equal(during.GetArrayLength(), (await world.AbkAsync("job", "list")).GetArrayLength());
        await world.AbkAsync("group", "cancel", first, "--force");
        Assert.Equal("cancelled", await world.OutcomeOfAsync(first));
        await world.AssertBitmapAsync("a", "x", [1, 2], null, "none");
    }

    [Fact]
    public async Task Two_groups_that_share_disks_and_start_together_exclude_each_other()
    {
        await using var world = await GroupWorld.StartAsync();
        await world.AddDiskAsync("a", Blocks, "x");
        await world.AddDiskAsync("b", Blocks, "x");
        var (one, two) = (
            world.FileOf("grouped", $"backup: {{disk: a, sync: bitmap, bitmap: x, policy: never, {Slow}}}", $"backup: {{disk: b, sync: bitmap, bitmap: x, policy: never, {Slow}}}"),
            world.FileOf("grouped", $"backup: {{disk: b, sync: bitmap, bitmap: x, policy: never, {Slow}}}", $"backup: {{disk: a, sync: bitmap, bitmap: x, policy: never, {Slow}}}"));
        await world.FillAsync("a", 1, [.. Enumerable.Range(0, 40).Select(b => (long)b)]);
        await world.FillAsync("b", 1, [.. Enumerable.Range(0, 40).Select(b => (long)b)]);

        var results = await Task.WhenAll(world.RunAsync("group", "start", "-f", one), world.RunAsync("group", "start", "-f", two));

        Assert.Equal([0, 11], results.Select(r => r.ExitCode).Order());
        var group = Assert.Single((await world.AbkAsync("group", "list")).EnumerateArray()).GetProperty("id").GetString()!;
        Assert.Equal(2, (await world.AbkAsync("job", "list")).GetArrayLength());
        await world.AbkAsync("group", "cancel", group);
        Assert.Equal("cancelled", await world.OutcomeOfAsync(group));
    }

    [Fact]
    public async Task Bitmaps_that_are_emptied_beside_a_full_backup_count_from_its_point_when_the_group_commits()
    {
        await using var world = await GroupWorld.StartAsync();
        var image = await world.AddDiskAsync("a", Blocks, "cleared", "other", "off", "target");
        await world.AddDiskAsync("b", Blocks);
        await world.FillAsync("a", 1, 1, 2);
        await world.AbkAsync("bitmap", "disable", "a", "off");
        await world.AbkAsync("bitmap", "clear", "a", "target");
        string[] actions =
        [
            "bitmapAdd: {disk: a, name: added}", "bitmapAdd: {disk: a, name: dormant, disabled: true}", "bitmapClear: {disk: a, name: cleared}", "bitmapEnable: {disk: a, name: off}",
            "bitmapDisable: {disk: a, name: other}", "bitmapMerge: {disk: a, name: target, sources: [other, off]}",
            "backup: {disk: a, sync: full}", $"backup: {{disk: b, sync: full, {Slow}}}",
        ];

        // An abort leaves everything as it was, and what was written meanwhile.
        var aborted = await world.StartGroupedAsync(actions);
        await world.FillAsync("a", 2, 5);
        foreach (var command in new[] { "clear", "remove", "enable", "disable" })
        {
            await world.RefusedAsync(11, "in use by group", "bitmap", command, "a", "cleared");
        }

        await world.RefusedAsync(11, "added", "bitmap", "add", "a", "added");
        await world.RefusedAsync(11, "added", "group", "start", "-f", world.FileOf("individual", "bitmapAdd: {disk: a, name: added}"));
        await world.RefusedAsync(11, "job", "disk", "stop", "a");
        await world.AwaitStatusAsync(aborted, "a", "waiting");
        await world.AbkAsync("group", "cancel", aborted);
        Assert.Equal("cancelled", await world.OutcomeOfAsync(aborted));
        await world.AssertBitmapAsync("a", "cleared", [1, 2, 5], null, "none");
        await world.AssertBitmapAsync("a", "other", [1, 2, 5], null, "none");
        await world.AssertBitmapAsync("a", "off", [1, 2], null, "none");
        await world.AssertBitmapAsync("a", "target", [5], null, "none");
        Assert.False((await world.BitmapAsync("a", "off")).GetProperty("recording").GetBoolean());
        Assert.Equal(4, (await world.AbkAsync("bitmap", "list", "a")).GetArrayLength());

        // A commit makes them what the actions made of them, plus what was written since the instant.
        var instant = world.Copy(image);
        var group = await world.StartGroupedAsync(actions);
        await world.FillAsync("a", 3, 9);
        await world.AbkAsync("job", "set-rate", await world.JobOfAsync(group, "b"), "0");
        var end = await world.EndOfAsync(group);
        Assert.Equal("success", end.GetProperty("outcome").GetString());
        var point = GroupWorld.Member(end, "a").GetProperty("point").GetString()!;
        await world.AssertPointAsync(point, instant);
        await world.AssertBitmapAsync("a", "added", [9], point, "valid");
        await world.AssertBitmapAsync("a", "cleared", [9], point, "valid");
        await world.AssertBitmapAsync("a", "dormant", [], null, "none");
        await world.AssertBitmapAsync("a", "off", [1, 2, 9], null, "none");
        await world.AssertBitmapAsync("a", "other", [1, 2, 5], null, "none");
        await world.AssertBitmapAsync("a", "target", [1, 2, 5, 9], null, "none");
        Assert.False((await world.BitmapAsync("a", "other")).GetProperty("recording").GetBoolean());
        Assert.True((await world.BitmapAsync("a", "off")).GetProperty("recording").GetBoolean());
        var next = await world.AbkAsync("backup", "a", "--sync", "incremental", "--bitmap", "added", "--wait");
        Assert.Equal(Image.BlockBytes, next.GetProperty("bytesTotal").GetInt64());
        await world.AssertPointAsync(next.GetProperty("point").GetString()!, image);
    }

    /// <summary>As libvirt does a checkpoint: what the old bitmap has goes into one that is made for this backup, and a new one begins at the same instant.</summary>
    [Fact]
    public async Task A_checkpoint_and_a_backup_since_the_last_one_are_one_instant()
    {
        await using var world = await GroupWorld.StartAsync();
        var image = await world.AddDiskAsync("a", Blocks, "checkpoint1");
        await world.FillAsync("a", 1, 4, 5, 6);
        var instant = world.Copy(image);

        var group = await world.StartGroupedAsync(
            "bitmapAdd: {disk: a, name: backup, disabled: true}",
            "bitmapMerge: {disk: a, name: backup, sources: [checkpoint1]}",
            "bitmapAdd: {disk: a, name: checkpoint2}",
            "bitmapDisable: {disk: a, name: checkpoint1}",
            $"backup: {{disk: a, sync: bitmap, bitmap: backup, policy: never, {Slow}}}");
        await world.FillAsync("a", 2, 5, 8);
        await world.AbkAsync("job", "set-rate", await world.JobOfAsync(group, "a"), "0");
        var end = await world.EndOfAsync(group);

        Assert.Equal("success", end.GetProperty("outcome").GetString());
        var point = GroupWorld.Member(end, "a").GetProperty("point").GetString()!;
        Assert.Equal(3 * Image.BlockBytes, (await world.JobAsync(point)).GetProperty("bytesTotal").GetInt64());
        await world.AbkAsync("point", "restore", point, "--to", world.PathOf("partial.raw"), "--force", "--wait");
        var restored = Image.Differences(instant, world.PathOf("partial.raw"));
        Assert.DoesNotContain(restored, b => b is 4 or 5 or 6);
        Assert.Equal(new long[] { 5, 8 }.AsEnumerable(), await world.DirtyAsync("a", "checkpoint2"));
        Assert.Equal(new long[] { 4, 5, 6 }.AsEnumerable(), await world.DirtyAsync("a", "backup"));
        Assert.Equal(new long[] { 4, 5, 6 }.AsEnumerable(), await world.DirtyAsync("a", "checkpoint1"));
        await world.AbkAsync("bitmap", "remove", "a", "backup");
    }

    /// <summary>As QEMU merges between nodes: the source is as it is at the instant, whatever becomes of it in the same group, and the target can drive a backup at once.</summary>
    [Fact]
    public async Task A_group_merges_bitmaps_of_other_disks_as_they_are_at_its_instant()
    {
        await using var world = await GroupWorld.StartAsync();
        await world.AddDiskAsync("a", Blocks, "x");
        var image = await world.AddDiskAsync("b", Blocks, "all", "kept");
        await world.AddDiskAsync("c", Blocks, "x");
        var basePoint = await world.BackUpAsync("b", "all");
        await world.FillAsync("a", 1, 1, 2);
        await world.FillAsync("b", 1, 2, 30);
        await world.FillAsync("c", 1, 9);
        string[] actions =
        [
            "bitmapMerge: {disk: b, name: all, sources: [a/x, c/x]}", "bitmapMerge: {disk: b, name: kept, sources: [all]}", "bitmapClear: {disk: a, name: x}",
            $"backup: {{disk: b, sync: bitmap, bitmap: all, policy: conditional, {Slow}}}",
        ];

        // An abort leaves every bitmap as it was.
        var aborted = await world.StartGroupedAsync(actions);
        var frozen = await world.DirtyAsync("b", "all", "--set", "sync");
        Assert.Equal([1, 2, 9, 30], frozen);
        await world.FillAsync("a", 2, 5);
        await world.AbkAsync("group", "cancel", aborted);
        Assert.Equal("cancelled", await world.OutcomeOfAsync(aborted));
        await world.AssertBitmapAsync("a", "x", [1, 2, 5], null, "none");
        await world.AssertBitmapAsync("b", "all", [2, 30], basePoint, "valid");
        await world.AssertBitmapAsync("b", "kept", [2, 30], null, "none");

        var group = await world.StartGroupedAsync(actions);
        var instant = world.Copy(image);
        await world.FillAsync("a", 3, 6);
        await world.FillAsync("c", 3, 10);
        await world.FillAsync("b", 3, 40);
        var job = await world.JobOfAsync(group, "b");
        await world.AbkAsync("job", "set-rate", job, "0");
        Assert.Equal("success", await world.OutcomeOfAsync(group));

        Assert.Equal(5 * Image.BlockBytes, (await world.JobAsync(job)).GetProperty("bytesTotal").GetInt64());
        await world.AssertPointAsync(job, instant);
        await world.AssertBitmapAsync("a", "x", [6], null, "none");
        await world.AssertBitmapAsync("b", "all", [40], job, "valid");
        await world.AssertBitmapAsync("b", "kept", [1, 2, 5, 9, 30, 40], null, "none");
        await world.AssertBitmapAsync("c", "x", [9, 10], null, "none");
        Assert.Equal(["a", "b", "c"], (await world.GroupAsync(group)).GetProperty("disks").EnumerateArray().Select(d => d.GetString()));
    }

    /// <summary>Also over disks, to and fro, and from a bitmap that the group adds.</summary>
    [Fact]
    public async Task A_merge_of_another_disks_bitmap_sees_what_the_actions_before_it_did()
    {
        await using var world = await GroupWorld.StartAsync();
        foreach (var (disk, block) in new[] { ("a", 1), ("b", 3), ("c", 8) })
        {
            await world.AddDiskAsync(disk, Blocks, "x");
            await world.FillAsync(disk, 1, block);
        }

        await world.AbkAsync(
            "group", "start", "--wait", "-f",
            world.FileOf(
                "individual",
                "bitmapMerge: {disk: c, name: x, sources: [a/x]}",
                "bitmapClear: {disk: a, name: x}",
                "bitmapMerge: {disk: a, name: x, sources: [b/x]}",
                "bitmapAdd: {disk: b, name: wide, granularity: 131072}",
                "bitmapMerge: {disk: b, name: wide, sources: [a/x, c/x]}",
                "bitmapClear: {disk: b, name: x}",
                "bitmapMerge: {disk: a, name: x, sources: [b/wide, b/x]}"));

        Assert.Equal(new long[] { 0, 1, 2, 3, 8, 9 }.AsEnumerable(), await world.DirtyAsync("a", "x"));
        Assert.Empty(await world.DirtyAsync("b", "x"));
        Assert.Equal(new long[] { 1, 8 }.AsEnumerable(), await world.DirtyAsync("c", "x"));
    }

    [ToolFact("nbdkit")]
    public async Task In_an_individual_group_each_job_ends_for_itself()
    {
        await using var world = await GroupWorld.StartAsync();
        var image = await world.AddDiskAsync("a", Blocks, "x");
        var broken = world.PathOf("broken");
        await world.AddServedDiskAsync("b", Blocks, "error", ["error-pread=EIO", "error-pread-rate=100%", $"error-pread-file={broken}"], "x");
        await File.WriteAllTextAsync(broken, "");
        await world.FillAsync("a", 1, 1);
        await world.FillAsync("b", 1, 1);

        var result = await world.RunAsync(
            "group", "start", "--wait", "-o", "json", "-f",
            world.FileOf("individual", "backup: {disk: a, sync: full, bitmap: x, policy: conditional}", "backup: {disk: b, sync: full, bitmap: x, policy: conditional}", "bitmapAdd: {disk: b, name: since}"));

        Assert.Equal(3, result.ExitCode);
        var group = World.Json(result.Out);
        Assert.Equal(("individual", "mixed"), (group.GetProperty("completionMode").GetString(), group.GetProperty("outcome").GetString()));
        var (good, bad) = (GroupWorld.Member(group, "a"), GroupWorld.Member(group, "b"));
        Assert.Equal(("success", "failed"), (good.GetProperty("outcome").GetString(), bad.GetProperty("outcome").GetString()));
        await world.AssertBitmapAsync("a", "x", [], good.GetProperty("point").GetString(), "valid");
        await world.AssertPointAsync(good.GetProperty("point").GetString()!, image);
        await world.AssertBitmapAsync("b", "x", [1], null, "none");
        await world.AssertBitmapAsync("b", "since", [], null, "none");
        await world.RefusedAsync(1, "cannot be cancelled any more", "group", "cancel", group.GetProperty("id").GetString()!);
        await world.RefusedAsync(1, "no complete point of every disk", "group", "restore", group.GetProperty("id").GetString()!, "--to", world.PathOf("never"));
    }

    [Theory]
    [InlineData("group finalize")]
    [InlineData("job finalize")]
    [InlineData("group cancel")]
    [InlineData("job cancel")]
    [InlineData("job finalize --discard")]
    public async Task A_group_that_is_not_to_be_finalized_by_itself_waits_and_ends_as_one(string verb)
    {
        await using var world = await GroupWorld.StartAsync();
        var (a, b) = (await world.AddDiskAsync("a", Blocks, "x"), await world.AddDiskAsync("b", Blocks, "x"));
        var bases = (A: await world.BackUpAsync("a", "x"), B: await world.BackUpAsync("b", "x"));
        await world.FillAsync("a", 1, 1);
        await world.FillAsync("b", 1, 2);
        var instants = (A: world.Copy(a), B: world.Copy(b));

        var waited = await world.RunAsync(
            "group", "start", "--wait", "-o", "json", "-f",
            world.FileOf("grouped", "backup: {disk: a, sync: bitmap, bitmap: x, policy: always, noAutoFinalize: true}", "backup: {disk: b, sync: bitmap, bitmap: x, policy: conditional}"));
        Assert.Equal(6, waited.ExitCode);
        var group = World.Json(waited.Out).GetProperty("id").GetString()!;
        Assert.Equal("pending", (await world.GroupAsync(group)).GetProperty("status").GetString());
        await world.AwaitStatusAsync(group, "a", "pending");
        await world.AwaitStatusAsync(group, "b", "pending");
        await world.FillAsync("a", 2, 4);
        await world.FillAsync("b", 2, 5);
        Assert.DoesNotContain((await world.AbkAsync("point", "list")).EnumerateArray(), p => p.GetProperty("group").GetString() == group);

        // Whichever member is told, and it is the one that would not have waited.
        var (what, how) = (verb.Split(' ')[0], verb.Split(' ')[1..]);
        await world.AbkAsync([what, how[0], what == "group" ? group : await world.JobOfAsync(group, "b"), .. how[1..]]);
        var end = await world.EndOfAsync(group);
        if (how[0] == "finalize" && how.Length == 1)
        {
            Assert.Equal("success", end.GetProperty("outcome").GetString());
            await world.AssertBitmapAsync("a", "x", [4], GroupWorld.Member(end, "a").GetProperty("point").GetString(), "valid");
            await world.AssertBitmapAsync("b", "x", [5], GroupWorld.Member(end, "b").GetProperty("point").GetString(), "valid");
            await world.AssertPointAsync(GroupWorld.Member(end, "a").GetProperty("point").GetString()!, instants.A);
            await world.AssertPointAsync(GroupWorld.Member(end, "b").GetProperty("point").GetString()!, instants.B);
            await world.RefusedAsync(1, "cannot be finalized any more", "group", "finalize", group);
            return;
        }

        Assert.Equal("cancelled", end.GetProperty("outcome").GetString());
        await world.AssertBitmapAsync("b", "x", [2, 5], bases.B, "valid");
        if (how.Contains("--discard"))
        {
            await world.AssertBitmapAsync("a", "x", [1, 4], bases.A, "valid");
        }
        else
        {
            await world.AssertBitmapAsync("a", "x", [4], GroupWorld.Member(end, "a").GetProperty("point").GetString(), "partial");
        }
    }

    /// <summary>What was decided is carried out: a repository that is away delays it.</summary>
    [Fact]
    public async Task A_committed_group_whose_repository_is_away_commits_when_it_is_back()
    {
        await using var world = await GroupWorld.StartAsync();
        var (a, b) = (await world.AddDiskAsync("a", Blocks, "x"), await world.AddDiskAsync("b", Blocks, "x"));
        await world.AbkAsync("repo", "create", "other", $"file:{world.PathOf("other")}");
        var group = await world.StartGroupedAsync(
            "backup: {disk: a, sync: full, bitmap: x, policy: always, noAutoFinalize: true}", "backup: {disk: b, repo: other, sync: full, bitmap: x, policy: conditional}");
        await world.AwaitPendingAsync(group);
        Directory.Move(world.PathOf("other"), world.PathOf("other.away"));

        await world.AbkAsync("group", "finalize", group);
        await world.AwaitStatusAsync(group, "a", "concluded");
        Assert.Equal("ending", (await world.GroupAsync(group)).GetProperty("status").GetString());
        Assert.NotEqual("concluded", (await world.JobAsync(await world.JobOfAsync(group, "b"))).GetProperty("status").GetString());
        await world.RefusedAsync(1, "cancel", "job", "cancel", await world.JobOfAsync(group, "b"));
        Directory.Move(world.PathOf("other.away"), world.PathOf("other"));

        var end = await world.EndOfAsync(group);
        Assert.Equal("success", end.GetProperty("outcome").GetString());
        await world.AssertPointAsync(GroupWorld.Member(end, "a").GetProperty("point").GetString()!, a);
        await world.AssertPointAsync(GroupWorld.Member(end, "b").GetProperty("point").GetString()!, b);
    }
}
