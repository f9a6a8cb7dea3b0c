using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A point that somebody else deleted, past the node: whoever looks at a bitmap that counts from it sees that the base is lost (rule 14).</summary>
public class BaseLostTests
{
    [Theory]
    [InlineData("bitmap list")]
    [InlineData("point list")]
    [InlineData("point verify")]
    [InlineData("backup")]
    public async Task Who_learns_that_the_point_is_gone_marks_the_base_lost(string how)
    {
        await using var world = await World.StartAsync();
        var point = await PrepareAsync(world);
        Assert.Equal("valid", await RecordedStateAsync(world, how));
        var stored = world.PathOf($"main/points/{point}");
        File.Move(stored, world.PathOf("aside"));

        switch (how)
        {
            case "point list":
                Assert.Equal(0, (await world.AbkAsync("point", "list")).GetArrayLength());
                break;
            case "point verify":
                await world.RefusedAsync(10, "no point", "point", "verify", point, "--against-disk");
                break;
            case "backup":
                await world.RefusedAsync(1, "no longer in repository", "backup", "d", "--sync", "incremental", "--bitmap", "b");
                break;
            default:
                break;
        }

        await Patience.UntilAsync(() => RecordedStateAsync(world, how), s => s == "lost", "the base to be lost");
        Assert.Equal(point, (await world.BitmapAsync("d", "b")).GetProperty("base").GetString());

        // It stays so over a kill, and ends when the point is there again: the bits are what they were.
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        await world.RefusedAsync(1, "no longer in repository", "backup", "d", "--sync", "incremental", "--bitmap", "b");
        File.Move(world.PathOf("aside"), stored);
        Assert.Equal("valid", (await world.BitmapAsync("d", "b")).GetProperty("baseState").GetString());
        var next = await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", "b", "--wait");
        Assert.InRange(next.GetProperty("bytesTotal").GetInt64(), 2L * Image.BlockBytes, 2 * Image.MiB);
        await world.RestoreAsync(next.GetProperty("point").GetString()!, world.PathOf("restored.raw"));
        Image.AssertEqual(world.PathOf("d.raw"), world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task A_repository_that_is_away_loses_no_base()
    {
        await using var world = await World.StartAsync();
        await PrepareAsync(world);
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        Assert.Equal("valid", (await world.BitmapAsync("d", "b")).GetProperty("baseState").GetString());
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        Assert.Equal("valid", (await world.BitmapAsync("d", "b")).GetProperty("baseState").GetString());
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", "b", "--wait");
    }

    [Fact]
    public async Task The_bitmap_of_another_disk_that_counts_from_a_deleted_point_has_lost_it()
    {
        await using var world = await World.StartAsync();
        var point = await PrepareAsync(world);
        await world.AddDiskAsync("copy", p => File.Copy(world.PathOf("d.raw"), p));
        await world.AbkAsync("bitmap", "add", "copy", "c", "--base", point, "--trust");
        await world.AbkAsync("point", "delete", point);
        Assert.Equal("lost", (await world.BitmapAsync("copy", "c")).GetProperty("baseState").GetString());
        Assert.Equal("none", (await world.BitmapAsync("d", "b")).GetProperty("baseState").GetString());
    }

    private static async Task<string> PrepareAsync(World world)
    {
        await world.AddDiskAsync("d", p => Image.Dense(p, 4 * Image.MiB, seed: 121));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "b");
        var point = (await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--wait")).GetProperty("point").GetString()!;
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        await guest.FillAsync([3, 9], 0x21);
        return point;
    }

    /// <summary>As the journal has it: the repository is out of the way of who only looks at the bitmap.</summary>
    private static async Task<string?> RecordedStateAsync(World world, string how)
    {
        if (how == "bitmap list")
        {
            return State(await world.BitmapAsync("d", "b"));
        }

        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        try
        {
            return State(await world.BitmapAsync("d", "b"));
        }
        finally
        {
            Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        }
    }

    private static string? State(JsonElement bitmap) => bitmap.GetProperty("baseState").GetString();
}
