using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Restores, verifications and comparisons over an orderly stop of their node (rule 17).</summary>
public class StorageSuspendTests
{
    private const long DiskBytes = 24 * Image.MiB;

    [Fact]
    public async Task A_restore_to_a_file_goes_on_where_it_was_and_the_file_is_never_half()
    {
        await using var world = await World.StartAsync();
        var (image, point) = await BackedUpAsync(world, seed: 110);
        var target = world.PathOf("restored.raw");
        var job = await BeginAsync(world, "point", "restore", point, "--to", target);

        for (var stop = 0; stop < 2; stop++)
        {
            Assert.Equal(0, await world.Node.StopAsync());
            Assert.False(File.Exists(target));
            Assert.True(File.Exists($"{target}.partial-{point}"));
            await world.StartNodeAsync();
            await GoesOnAsync(world, job, "restoring");
            await world.RefusedAsync(1, "has not ended", "job", "retry", job);
        }

        await world.AbkAsync("job", "set-rate", job, "0");
        var end = await world.EndOfAsync(job);
        Assert.Equal(("success", DiskBytes), (Text(end, "outcome"), end.GetProperty("bytesDone").GetInt64()));
        Assert.InRange(end.GetProperty("bytesReused").GetInt64(), 1, DiskBytes);
        Image.AssertEqual(image, target);
        Assert.Empty(Directory.GetFiles(world.Directory, "restored.raw.partial*"));
    }

    [Fact]
    public async Task A_restore_into_a_disk_goes_on_and_no_guest_gets_half_of_it()
    {
        await using var world = await World.StartAsync();
        var (image, point) = await BackedUpAsync(world, seed: 111);
        var other = await world.AddDiskAsync("e", p => Image.Dense(p, DiskBytes, seed: 112));
        await world.AbkAsync("bitmap", "add", "e", "b");
        var job = await BeginAsync(world, "point", "restore", point, "--to-disk", "e");

        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await GoesOnAsync(world, job, "restoring");
        Assert.Equal(JsonValueKind.Null, (await world.AbkAsync("disk", "show", "e")).GetProperty("nbdUri").ValueKind);
        await world.AbkAsync("job", "set-rate", job, "0");

        Assert.Equal("success", Text(await world.EndOfAsync(job), "outcome"));
        Assert.NotNull(Text(await world.AbkAsync("disk", "show", "e"), "nbdUri"));
        Image.AssertEqual(image, other);

        // What the restore wrote, before the stop and after it, is dirty.
        Assert.Equal(DiskBytes, await world.DirtyBytesAsync("e", "b"));
    }

    [Theory]
    [InlineData("exported as it is")]
    [InlineData("restored from another point")]
    public async Task A_restore_does_not_go_on_over_a_disk_that_somebody_wanted_otherwise_meanwhile(string how)
    {
        await using var world = await World.StartAsync();
        var (_, point) = await BackedUpAsync(world, seed: 120);
        var other = await world.AddDiskAsync("e", p => Image.Dense(p, DiskBytes, seed: 121));
        await world.AbkAsync("repo", "create", "second", $"file:{world.PathOf("second")}");
        var mine = Text(await world.AbkAsync("backup", "e", "--repo", "second", "--sync", "full", "--wait"), "point")!;
        var job = await BeginAsync(world, "point", "restore", point, "--to-disk", "e");
        Assert.Equal(0, await world.Node.StopAsync());
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        await world.StartNodeAsync();

        if (how == "exported as it is")
        {
            await world.AbkAsync("disk", "export", "e");
        }
        else
        {
            await world.AbkAsync("point", "restore", mine, "--to-disk", "e", "--wait");
        }

        await using (var guest = await Guest.ConnectAsync(world.Node, "e"))
        {
            await guest.FillAsync([5], 0x44);
            await guest.FlushAsync();
        }

        File.Copy(other, world.PathOf("wanted.raw"));
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        var end = await world.EndOfAsync(job);
        Assert.Equal(("failed", "wrong_state"), (Text(end, "outcome"), Text(end, "errorCode")));
        Assert.NotNull(Text(await world.AbkAsync("disk", "show", "e"), "nbdUri"));
        Image.AssertEqual(world.PathOf("wanted.raw"), other);
    }

    [Fact]
    public async Task A_verification_goes_on_where_it_was_and_keeps_what_it_found()
    {
        await using var world = await World.StartAsync();
        var (_, point) = await BackedUpAsync(world, seed: 113);
        var pack = Directory.GetFiles(world.PathOf("main/packs/data"), "*", SearchOption.AllDirectories).MinBy(File.GetLastWriteTimeUtc)!;
        FlipByte(pack, 100_000);
        var job = await BeginAsync(world, "point", "verify", point, "--full", "--no-wait");

        Assert.Equal(0, await world.Node.StopAsync());
        FlipByte(pack, 100_000);
        await world.StartNodeAsync();
        await GoesOnAsync(world, job, "verifying");
        await world.AbkAsync("job", "set-rate", job, "0");

        // It has not read the block again, which is good now, but knows what it saw.
        var end = await world.EndOfAsync(job);
        Assert.Equal(("failed", "damaged", DiskBytes), (Text(end, "outcome"), Text(end, "errorCode"), end.GetProperty("bytesDone").GetInt64()));
        var bad = Assert.Single(end.GetProperty("badExtents").EnumerateArray());
        Assert.Equal(Image.BlockBytes, bad.GetProperty("length").GetInt64());
        Assert.Equal(4, (await world.RunAsync("job", "wait", job)).ExitCode);
        await world.AbkAsync("point", "verify", point, "--full");
    }

    [Fact]
    public async Task A_paused_verification_stays_paused_at_its_rate_and_goes_on_when_resumed()
    {
        await using var world = await World.StartAsync();
        var (_, point) = await BackedUpAsync(world, seed: 114);
        var job = await BeginAsync(world, "point", "verify", point, "--full", "--no-wait");
        await world.AbkAsync("job", "set-rate", job, "100000");
        await world.AbkAsync("job", "pause", job);

        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();

        var paused = await Patience.UntilAsync(() => world.JobAsync(job), j => Text(j, "phase") == "verifying", "the job to be there");
        Assert.Equal(("paused", 100_000), (Text(paused, "status"), paused.GetProperty("rateBytesPerSecond").GetInt64()));
        await world.AbkAsync("job", "set-rate", job, "0");
        await world.AbkAsync("job", "resume", job);
        var end = await world.EndOfAsync(job);
        Assert.Equal(("success", DiskBytes), (Text(end, "outcome"), end.GetProperty("bytesDone").GetInt64()));
    }

    [Fact]
    public async Task A_comparison_for_a_new_bitmap_begins_again_and_lacks_nothing_that_was_written_before()
    {
        await using var world = await World.StartAsync();
        var (image, point) = await BackedUpAsync(world, seed: 115);
        var job = await BeginAsync(world, "bitmap", "add", "d", "b", "--base", point, "--no-wait");
        await WriteAsync(world, [0, 383], 0x31);

        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await WriteAsync(world, [1, 382], 0x32);
        await GoesOnAsync(world, job, "comparing");
        await WriteAsync(world, [2, 381], 0x33);
        await world.AbkAsync("job", "set-rate", job, "0");

        Assert.Equal("success", Text(await world.EndOfAsync(job), "outcome"));
        Assert.Equal([(0L, 3L * Image.BlockBytes), (381L * Image.BlockBytes, 3L * Image.BlockBytes)], await world.ExtentsAsync("d", "b"));
        var next = await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", "b", "--wait");
        await world.RestoreAsync(Text(next, "point")!, world.PathOf("next.raw"));
        Image.AssertEqual(image, world.PathOf("next.raw"));
    }

    [Fact]
    public async Task A_job_whose_repository_stays_away_can_be_cancelled_and_the_repository_be_forgotten()
    {
        await using var world = await World.StartAsync();
        var (_, point) = await BackedUpAsync(world, seed: 116);
        var job = await BeginAsync(world, "point", "restore", point, "--to", world.PathOf("restored.raw"));
        Assert.Equal(0, await world.Node.StopAsync());
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        await world.StartNodeAsync();

        var waiting = await world.JobAsync(job);
        Assert.Equal(("running", "waiting to go on"), (Text(waiting, "status"), Text(waiting, "phase")));
        await world.RefusedAsync(1, "goes on when its repository answers", "job", "pause", job);
        await world.RefusedAsync(11, "has not ended", "repo", "detach", "main");
        await world.AbkAsync("job", "cancel", job);

        var end = await world.EndOfAsync(job);
        Assert.Equal("cancelled", Text(end, "outcome"));
        Assert.Contains("partial-", Text(end, "error"), StringComparison.Ordinal);
        await world.AbkAsync("repo", "detach", "main");
    }

    [Fact]
    public async Task A_job_that_waited_for_its_repository_over_further_stops_goes_on_when_it_is_back()
    {
        await using var world = await World.StartAsync();
        var (image, point) = await BackedUpAsync(world, seed: 117);
        var job = await BeginAsync(world, "point", "restore", point, "--to", world.PathOf("restored.raw"));
        Assert.Equal(0, await world.Node.StopAsync());
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        await world.StartNodeAsync();
        Assert.Equal("waiting to go on", Text(await world.JobAsync(job), "phase"));
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        await GoesOnAsync(world, job, "restoring");
        await world.AbkAsync("job", "set-rate", job, "0");
        Assert.Equal("success", Text(await world.EndOfAsync(job), "outcome"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task A_node_that_is_killed_after_the_job_went_on_has_interrupted_it_and_it_is_concluded_without_being_asked_for()
    {
        await using var world = await World.StartAsync();
        var (image, point) = await BackedUpAsync(world, seed: 118);
        var job = await BeginAsync(world, "point", "restore", point, "--to", world.PathOf("restored.raw"));
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await GoesOnAsync(world, job, "restoring");
        await world.Node.KillAsync();
        await world.StartNodeAsync();

        // Its repository can be detached at once: nobody has to look at the job first.
        Assert.Equal("interrupted", Text(await world.EndOfAsync(job), "outcome"));
        var again = Text(await world.AbkAsync("job", "retry", job), "id")!;
        await world.AbkAsync("job", "set-rate", again, "0");
        Assert.Equal("success", Text(await world.EndOfAsync(again), "outcome"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task What_cannot_go_on_any_more_fails_with_the_reason()
    {
        await using var world = await World.StartAsync();
        var (_, point) = await BackedUpAsync(world, seed: 119);
        var target = world.PathOf("restored.raw");
        var job = await BeginAsync(world, "point", "restore", point, "--to", target);
        Assert.Equal(0, await world.Node.StopAsync());
        await File.WriteAllTextAsync(target, "mine");
        await world.StartNodeAsync();
        var end = await world.EndOfAsync(job);
        Assert.Equal(("failed", "exists"), (Text(end, "outcome"), Text(end, "errorCode")));
        Assert.Equal("mine", await File.ReadAllTextAsync(target));
    }

    private static async Task<(string Image, string Point)> BackedUpAsync(World world, int seed)
    {
        var image = await world.AddDiskAsync("d", p => Image.Dense(p, DiskBytes, seed));
        await world.CreateRepositoryAsync();
        return (image, Text(await world.AbkAsync("backup", "d", "--sync", "full", "--workers", "1", "--wait"), "point")!);
    }

    /// <summary>A job that has done something and goes on slowly.</summary>
    private static async Task<string> BeginAsync(World world, params string[] command)
    {
        var job = Text(await world.AbkAsync([.. command, "--rate", "4M"]), "id")!;
        await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("bytesDone").GetInt64() >= 4 * Image.MiB, "the job to have done something");
        await world.AbkAsync("job", "set-rate", job, "1K");
        return job;
    }

    private static Task GoesOnAsync(World world, string job, string phase) =>
        Patience.UntilAsync(() => world.JobAsync(job), j => Text(j, "status") == "running" && Text(j, "phase") == phase, "the job to go on");

    private static async Task WriteAsync(World world, IEnumerable<long> blocks, byte value)
    {
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        await guest.FillAsync(blocks, value);
    }

    private static void FlipByte(string path, long offset)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = offset;
        var value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 0x40));
    }

    private static string? Text(JsonElement json, string field) => json.GetProperty(field).GetString();
}
