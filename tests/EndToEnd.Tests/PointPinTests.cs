using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A point that is read is not deleted (rule 15).</summary>
public class PointPinTests
{
    [Theory]
    [InlineData("restored by job", "point", "restore", "{point}", "--to", "{target}")]
    [InlineData("verified by job", "point", "verify", "{point}", "--full", "--no-wait")]
    [InlineData("verified by job", "point", "verify", "{point}", "--against-disk", "--no-wait")]
    [InlineData("compared by job", "bitmap", "add", "d", "new", "--base", "{point}", "--no-wait")]
    public async Task A_point_that_a_job_reads_is_pinned_until_the_job_has_ended(string why, params string[] command)
    {
        await using var world = await World.StartAsync();
        var point = await PrepareAsync(world);
        string[] filled = [.. command.Select(c => c.Replace("{point}", point, StringComparison.Ordinal).Replace("{target}", world.PathOf("out.raw"), StringComparison.Ordinal))];
        var job = Text(await world.AbkAsync([.. filled, "--rate", "64K"]), "id")!;

        await world.RefusedAsync(11, $"{why} {job}", "point", "delete", point);
        Assert.Single((await world.AbkAsync("point", "list")).EnumerateArray());

        // Also while it waits for its repository, or goes on, after a stop of the node.
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await world.RefusedAsync(11, $"{why} {job}", "point", "delete", point);
        await world.AbkAsync("job", "cancel", job);
        await world.EndOfAsync(job);
        await world.AbkAsync("point", "delete", point);
        Assert.Empty((await world.AbkAsync("point", "list")).EnumerateArray());
    }

    /// <summary>Deleted by the disk that it is of, which knows nothing of the other one's jobs.</summary>
    [Theory]
    [InlineData("backup")]
    [InlineData("group")]
    public async Task A_point_of_another_disk_that_a_backup_is_over_is_pinned_until_the_backup_has_ended(string how)
    {
        await using var world = await World.StartAsync();
        var point = await PrepareAsync(world);
        var image = await world.AddDiskAsync("e", p => Image.Dense(p, 4 * Image.MiB, seed: 122));
        await world.AbkAsync("bitmap", "add", "e", "b", "--base", point, "--trust");
        await using (var guest = await Guest.ConnectAsync(world.Node, "e"))
        {
            await guest.FillAsync([.. Enumerable.Range(0, 40).Select(b => (long)b)], 7);
        }

        await File.WriteAllTextAsync(world.PathOf("group.yaml"), "completionMode: grouped\nactions:\n  - backup: {disk: e, sync: bitmap, bitmap: b, policy: always, rate: 64K, workers: 1}\n");
        var job = how == "backup"
            ? Text(await world.AbkAsync("backup", "e", "--sync", "bitmap", "--bitmap", "b", "--policy", "always", "--rate", "64K"), "id")!
            : (await world.AbkAsync("group", "start", "-f", world.PathOf("group.yaml"))).GetProperty("members")[0].GetProperty("job").GetString()!;
        await world.RefusedAsync(11, $"base of job {job}", "point", "delete", point);
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await world.RefusedAsync(11, $"base of job {job}", "point", "delete", point);
        await world.RefusedAsync(11, $"base of job {job}", "disk", "remove", "d", "--delete-points");

        await world.AbkAsync("job", "set-rate", job, "0");
        var end = await world.EndOfAsync(job);
        Assert.Equal("success", Text(end, "outcome"));
        await world.AbkAsync("point", "delete", point);
        await world.AbkAsync("point", "restore", Text(end, "point")!, "--to", world.PathOf("restored.raw"), "--wait");
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task A_disk_is_not_removed_with_points_that_are_read()
    {
        await using var world = await World.StartAsync();
        var point = await PrepareAsync(world);
        var job = Text(await world.AbkAsync("point", "restore", point, "--to", world.PathOf("out.raw"), "--rate", "64K"), "id")!;
        await world.RefusedAsync(11, job, "disk", "remove", "d", "--delete-points");
        Assert.Equal("online", Text(await world.AbkAsync("disk", "show", "d"), "state"));
        await world.AbkAsync("job", "set-rate", job, "0");
        await world.EndOfAsync(job);
        await world.AbkAsync("disk", "remove", "d", "--delete-points");
        Assert.Empty((await world.AbkAsync("point", "list")).EnumerateArray());
    }

    [Fact]
    public async Task A_job_that_was_refused_and_an_export_that_has_ended_hold_nothing()
    {
        await using var world = await World.StartAsync();
        var point = await PrepareAsync(world);
        await File.WriteAllTextAsync(world.PathOf("there"), "mine");
        await world.RefusedAsync(1, "exists", "point", "restore", point, "--to", world.PathOf("there"));
        await world.AbkAsync("point", "export", point, "--name", "once");
        await world.RefusedAsync(1, "already an export", "point", "export", point, "--name", "once");
        await world.RefusedAsync(11, "exported as 'once'", "point", "delete", point);
        await world.AbkAsync("point", "unexport", "once");
        await world.AbkAsync("point", "delete", point);
    }

    private static async Task<string> PrepareAsync(World world)
    {
        await world.AddDiskAsync("d", p => Image.Dense(p, 4 * Image.MiB, seed: 122));
        await world.CreateRepositoryAsync();
        return Text(await world.AbkAsync("backup", "d", "--wait"), "point")!;
    }

    private static string? Text(JsonElement json, string field) => json.GetProperty(field).GetString();
}
