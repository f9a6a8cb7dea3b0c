using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A disk that gets another size, on a node that may die meanwhile.</summary>
public class ResizeTests
{
    [Fact]
    public async Task A_disk_grows_and_shrinks_and_every_backup_is_of_the_size_of_its_time()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 90));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        File.Copy(image, world.PathOf("small.raw"));
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await world.RefusedAsync(11, "client", "disk", "resize", "d", "16M");
        }

        await Patience.UntilAsync(() => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("clients").GetInt32() == 0, "the guest to be gone");
        await world.RefusedAsync(2, "512", "disk", "resize", "d", "1000");
        await world.RefusedAsync(2, "size", "disk", "resize", "d", "many");
        await world.AbkAsync("bitmap", "add", "d", "short-lived", "--transient");
        Assert.Equal(16 * Image.MiB, (await world.AbkAsync("disk", "resize", "d", "16M")).GetProperty("sizeBytes").GetInt64());
        Assert.Equal(["auto.main"], (await world.AbkAsync("bitmap", "list", "d")).EnumerateArray().Select(b => b.GetProperty("name").GetString()));
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([200], 5);
        }

        Assert.Equal("full", (await world.AbkAsync("backup", "d", "--wait")).GetProperty("sync").GetString());
        await world.RestoreAsync("d@latest", world.PathOf("large.raw"));
        Image.AssertEqual(image, world.PathOf("large.raw"));

        await Patience.UntilAsync(() => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("clients").GetInt32() == 0, "the guest to be gone");
        await world.AbkAsync("disk", "resize", "d", "8M");
        Image.AssertEqual(world.PathOf("small.raw"), image);
        Assert.Equal(2, (await world.AbkAsync("point", "list", "--disk", "d")).GetArrayLength());
        await world.AbkAsync("backup", "d", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("again.raw"));
        Image.AssertEqual(image, world.PathOf("again.raw"));
    }

    [Fact]
    public async Task Rule_7_a_node_that_is_killed_while_it_resizes_comes_back_with_one_size()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 91));
        await world.AbkAsync("bitmap", "add", "d", "b");
        foreach (var (target, delay) in new[] { ("16M", 0), ("12M", 150), ("24M", 400) })
        {
            var resize = world.RunAsync("disk", "resize", "d", target);
            await Patience.UntilAsync(() => Task.FromResult(resize.IsCompleted || HasBegun(world)), begun => begun, "the resize to begin");
            await Task.WhenAny(resize, Task.Delay(delay));
            await world.Node.KillAsync();
            await resize;
            await world.StartNodeAsync();

            await Patience.UntilAsync(
                () => world.AbkAsync("disk", "show", "d"),
                d => d.GetProperty("state").GetString() == "online" && d.GetProperty("nbdUri").GetString() is not null && d.GetProperty("sizeBytes").GetInt64() == new FileInfo(image).Length,
                "the disk to have one size and to be exported");
            Assert.False((await world.BitmapAsync("d", "b")).GetProperty("inconsistent").GetBoolean());
        }
    }

    /// <summary>The export goes first.</summary>
    private static bool HasBegun(World world) => File.GetLastWriteTimeUtc(world.PathOf("data/journal.db-wal")) > DateTime.UtcNow.AddSeconds(-1);
}
