using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Sources and targets that fail from outside, and what each policy makes of it.</summary>
public class ErrorPolicyTests
{
    private const long DiskBytes = 16 * Image.MiB;

    [ToolFact("nbdkit")]
    public async Task Ignored_blocks_are_listed_exactly_and_all_others_are_kept()
    {
        await using var world = await World.StartAsync();
        var image = world.PathOf("bad.raw");
        Image.Dense(image, DiskBytes, seed: 90);
        var map = world.PathOf("map");
        await File.WriteAllTextAsync(map, "# current\n0x0 + 1\n0x0 0x300000 +\n0x300000 0x20000 -\n0x320000 0x4e0000 +\n0x800000 0x1000 -\n0x801000 0x7ff000 +\n");
        await using var server = await ServeAsync(world, "--filter=ddrescue", "file", image, $"ddrescue-mapfile={map}");
        await PrepareAsync(world, "--read-only");

        var result = await world.RunAsync(
            "backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--on-source-error", "ignore", "--wait", "-o", "json");

        Assert.Equal(1, result.ExitCode);
        var job = World.Json(result.Out);
        Assert.Equal("failed", job.GetProperty("outcome").GetString());
        Assert.Equal([(0x300000L, 0x20000L), (0x800000, 0x10000)], Extents(job.GetProperty("badExtents")));
        Assert.Equal([(0x300000L, 0x20000L), (0x800000, 0x10000)], await world.ExtentsAsync("d", "b"));
        var point = await world.AbkAsync("point", "show", job.GetProperty("point").GetString()!);
        Assert.Equal("partial", point.GetProperty("state").GetString());
        Assert.Equal(Extents(job.GetProperty("badExtents")), Extents(point.GetProperty("missing")));

        // The medium was replaced: only what is bad is copied.
        await File.WriteAllTextAsync(map, "# current\n0x0 + 1\n0x0 0x1000000 +\n");
        await server.DisposeAsync();
        await using var mended = await ServeAsync(world, "file", image);
        var retry = await world.AbkAsync("job", "retry", job.GetProperty("id").GetString()!, "--wait");
        Assert.Equal(0x30000, retry.GetProperty("bytesTotal").GetInt64());
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [ToolFact("nbdkit")]
    public async Task A_source_error_stops_the_job_until_it_is_resumed()
    {
        await using var world = await World.StartAsync();
        var image = world.PathOf("bad.raw");
        Image.Dense(image, DiskBytes, seed: 91);
        var trigger = world.PathOf("broken");
        await using var server = await ServeAsync(world, "--filter=error", "file", image, "error-pread=EIO", "error-pread-rate=100%", $"error-pread-file={trigger}");
        await PrepareAsync(world);
        await File.WriteAllTextAsync(trigger, "");

        var waited = await world.RunAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "conditional", "--on-source-error", "stop", "--wait");
        Assert.Equal(6, waited.ExitCode);
        Assert.Contains("cannot be read at offset", waited.Error, StringComparison.Ordinal);
        var job = (await world.AbkAsync("job", "list")).EnumerateArray().Single();
        Assert.Equal(("paused", true), (job.GetProperty("status").GetString(), job.GetProperty("needsPerson").GetBoolean()));
        var id = job.GetProperty("id").GetString()!;
        await world.AbkAsync("job", "set-rate", id, "100M");
        await world.AbkAsync("job", "set-policy", id, "always");

        File.Delete(trigger);
        await world.AbkAsync("job", "resume", id);
        Assert.Equal("success", (await world.EndOfAsync(id)).GetProperty("outcome").GetString());
        Assert.Empty((await world.JobAsync(id)).GetProperty("badExtents").EnumerateArray());
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [MountFact]
    public async Task A_full_target_stops_the_job_until_there_is_room_and_it_can_be_cancelled_meanwhile()
    {
        await using var world = await World.StartAsync();
        var mount = await world.MountTmpfsAsync("small", "20m");
        var image = await world.AddDiskAsync("d", p => Image.Dense(p, 2 * DiskBytes, seed: 92));
        await world.AbkAsync("repo", "create", "small", $"file:{mount}/repo", "--default");
        await world.AbkAsync("bitmap", "add", "d", "b");
        string[] backup = ["backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--on-target-error", "enospc"];

        var cancelled = (await world.AbkAsync(backup)).GetProperty("id").GetString()!;
        await StoppedAsync(world, cancelled);
        await world.AbkAsync("job", "cancel", cancelled);
        Assert.Equal("cancelled", (await world.EndOfAsync(cancelled)).GetProperty("outcome").GetString());

        var waited = await world.RunAsync([.. backup, "--wait"]);
        Assert.Equal(6, waited.ExitCode);
        Assert.Contains("full", waited.Error, StringComparison.Ordinal);
        var job = (await world.AbkAsync("job", "list")).EnumerateArray().Last().GetProperty("id").GetString()!;
        await Tool.SucceedAsync("mount", "-o", "remount,size=200m", mount);
        await world.AbkAsync("job", "resume", job);

        Assert.Equal("success", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [MountFact]
    public async Task An_ignored_target_error_is_tried_again_until_there_is_room()
    {
        await using var world = await World.StartAsync();
        var mount = await world.MountTmpfsAsync("small", "20m");
        var image = await world.AddDiskAsync("d", p => Image.Dense(p, 2 * DiskBytes, seed: 93));
        await world.AbkAsync("repo", "create", "small", $"file:{mount}/repo", "--default");
        var job = (await world.AbkAsync("backup", "d", "--sync", "full", "--on-target-error", "ignore")).GetProperty("id").GetString()!;
        await Patience.UntilAsync(() => FreeAsync(mount), free => free < 4 * Image.MiB, "the target to be full");

        await Tool.SucceedAsync("mount", "-o", "remount,size=200m", mount);

        Assert.Equal("success", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [MountFact]
    public async Task A_failed_backup_is_tried_again_by_itself_and_waiting_goes_on_with_it()
    {
        await using var world = await World.StartAsync();
        var mount = await world.MountTmpfsAsync("small", "20m");
        var image = await world.AddDiskAsync("d", p => Image.Dense(p, 2 * DiskBytes, seed: 94));
        await world.AbkAsync("repo", "create", "small", $"file:{mount}/repo", "--default");
        await world.AbkAsync("bitmap", "add", "d", "b");

        var waiting = world.RunAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--restart", "6", "--wait", "-o", "json");
        await Patience.UntilAsync(
            () => world.AbkAsync("job", "list"), jobs => jobs.EnumerateArray().Any(j => j.GetProperty("retryOf").ValueKind == JsonValueKind.String), "the restart");
        await Tool.SucceedAsync("mount", "-o", "remount,size=200m", mount);

        var end = await waiting;
        Assert.True(end.ExitCode == 0, end.ToString());
        var last = World.Json(end.Out);
        var first = (await world.AbkAsync("job", "list")).EnumerateArray().First();
        Assert.Equal("success", last.GetProperty("outcome").GetString());
        Assert.NotEqual(first.GetProperty("id").GetString(), last.GetProperty("id").GetString());
        Assert.Equal("failed", first.GetProperty("outcome").GetString());
        Assert.Equal(0, await world.DirtyBytesAsync("d", "b"));
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task Waiting_goes_on_while_the_last_try_is_being_started()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Dense(p, 2 * Image.MiB, seed: 95));
        await world.CreateRepositoryAsync();
        var job = (await world.AbkAsync("backup", "d", "--sync", "full", "--restart", "1", "--rate", "64K")).GetProperty("id").GetString()!;
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        var waiting = world.RunAsync("job", "wait", job);
        var retried = await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("retriedAs").ValueKind == JsonValueKind.String, "the job to be tried again");
        await world.AbkAsync("job", "set-rate", retried.GetProperty("retriedAs").GetString()!, "0");
        Assert.Equal(0, (await waiting).ExitCode);
    }

    private static (long Offset, long Length)[] Extents(JsonElement extents) =>
        [.. extents.EnumerateArray().Select(e => (e.GetProperty("offset").GetInt64(), e.GetProperty("length").GetInt64()))];

    private static Task<long> FreeAsync(string mount) => Task.FromResult(new DriveInfo(mount).AvailableFreeSpace);

    private static Task StoppedAsync(World world, string job) =>
        Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("needsPerson").GetBoolean(), "the job to stop");

    private static async Task PrepareAsync(World world, params string[] more)
    {
        await world.CreateRepositoryAsync();
        await world.AbkAsync(["disk", "add", "d", "--nbd", $"nbd+unix:///?socket={world.PathOf("source.sock")}", "--exclusive", .. more]);
        await world.AbkAsync("bitmap", "add", "d", "b");
    }

    private static Task<NbdServerProcess> ServeAsync(World world, params string[] arguments)
    {
        var socket = world.PathOf("source.sock");
        return NbdServerProcess.StartAsync(socket, "nbdkit", ["--foreground", "--unix", socket, .. arguments]);
    }
}
