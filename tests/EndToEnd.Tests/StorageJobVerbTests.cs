using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Restores, verifications and comparisons are steered as backups are: paused, resumed, slowed down, done again.</summary>
public class StorageJobVerbTests
{
    [Fact]
    public async Task A_restore_is_paused_and_goes_on_at_another_rate()
    {
        await using var world = await World.StartAsync();
        var (disk, point) = await BackedUpAsync(world, seed: 80);
        var target = world.PathOf("restored.raw");
        var job = Text(await world.AbkAsync("point", "restore", point, "--to", target, "--rate", "64K"), "id")!;
        await world.RefusedAsync(1, "not paused", "job", "resume", job);

        var paused = await world.AbkAsync("job", "pause", job);

        Assert.Equal(("paused", 65536L, JsonValueKind.Null), (Text(paused, "status"), paused.GetProperty("rateBytesPerSecond").GetInt64(), paused.GetProperty("outcome").ValueKind));
        await world.RefusedAsync(1, "paused already", "job", "pause", job);
        await world.RefusedAsync(1, "has not ended", "job", "retry", job);
        Assert.Equal(0, (await world.AbkAsync("job", "set-rate", job, "0")).GetProperty("rateBytesPerSecond").GetInt64());
        var later = await world.JobAsync(job);
        Assert.Equal("paused", Text(later, "status"));
        Assert.InRange(later.GetProperty("bytesDone").GetInt64(), 0, (16 * Image.MiB) - 1);
        await world.AbkAsync("job", "resume", job);
        Assert.Equal("success", Text(await world.EndOfAsync(job), "outcome"));
        Image.AssertEqual(disk, target);
        await world.RefusedAsync(1, "cannot be paused now", "job", "pause", job);
        await world.RefusedAsync(1, "succeeded", "job", "retry", job);
    }

    [Fact]
    public async Task A_verification_is_paused_and_a_paused_job_can_be_cancelled_and_retried()
    {
        await using var world = await World.StartAsync();
        var (_, point) = await BackedUpAsync(world, seed: 81);
        var job = Text(await world.AbkAsync("point", "verify", point, "--full", "--rate", "64K", "--no-wait"), "id")!;
        Assert.Equal("paused", Text(await world.AbkAsync("job", "pause", job), "status"));
        await world.AbkAsync("job", "cancel", job);
        Assert.Equal("cancelled", Text(await world.EndOfAsync(job), "outcome"));

        var again = await world.AbkAsync("job", "retry", job);

        Assert.Equal(("verify", job, 65536L), (Text(again, "kind"), Text(again, "retryOf"), again.GetProperty("rateBytesPerSecond").GetInt64()));
        Assert.Equal(Text(again, "id"), Text(await world.JobAsync(job), "retriedAs"));
        await world.AbkAsync("job", "set-rate", Text(again, "id")!, "0");
        Assert.Equal("success", Text(await world.EndOfAsync(Text(again, "id")!), "outcome"));
    }

    [Fact]
    public async Task A_restore_that_died_with_its_node_is_done_again_by_its_id()
    {
        await using var world = await World.StartAsync();
        var (disk, point) = await BackedUpAsync(world, seed: 82);
        var target = world.PathOf("restored.raw");
        var job = Text(await world.AbkAsync("point", "restore", point, "--to", target, "--rate", "64K"), "id")!;
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        Assert.Equal("interrupted", Text(await world.EndOfAsync(job), "outcome"));

        var again = Text(await world.AbkAsync("job", "retry", job), "id")!;
        await world.AbkAsync("job", "set-rate", again, "0");

        Assert.Equal("success", Text(await world.EndOfAsync(again), "outcome"));
        Image.AssertEqual(disk, target);
    }

    [Fact]
    public async Task A_comparison_for_a_new_bitmap_is_steered_too_and_what_is_written_meanwhile_is_dirty()
    {
        await using var world = await World.StartAsync();
        var (_, point) = await BackedUpAsync(world, seed: 83);
        var cancelled = Text(await world.AbkAsync("bitmap", "add", "d", "b", "--base", point, "--rate", "64K", "--no-wait"), "id")!;
        await world.AbkAsync("job", "pause", cancelled);
        await world.AbkAsync("job", "cancel", cancelled);
        await world.EndOfAsync(cancelled);

        var job = Text(await world.AbkAsync("job", "retry", cancelled), "id")!;
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([0, 9, 255], 0x3c);
        }

        await world.AbkAsync("job", "set-rate", job, "0");
        Assert.Equal("success", Text(await world.EndOfAsync(job), "outcome"));
        Assert.Equal(
            [(0L, (long)Image.BlockBytes), (9L * Image.BlockBytes, Image.BlockBytes), (255L * Image.BlockBytes, Image.BlockBytes)], await world.ExtentsAsync("d", "b"));
        await world.AbkAsync("point", "verify", point, "--against-disk");
        await world.RefusedAsync(1, "not a backup", "job", "set-policy", job, "never");
    }

    private static async Task<(string Disk, string Point)> BackedUpAsync(World world, int seed)
    {
        var disk = await world.AddDiskAsync("d", p => Image.Dense(p, 16 * Image.MiB, seed));
        await world.CreateRepositoryAsync();
        return (disk, Text(await world.AbkAsync("backup", "d", "--sync", "full", "--wait"), "point")!);
    }

    private static string? Text(JsonElement json, string field) => json.GetProperty(field).GetString();
}
