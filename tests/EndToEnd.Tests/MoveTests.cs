using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A disk whose image or tracking file goes to another place.</summary>
public class MoveTests
{
    [Fact]
    public async Task A_moved_image_keeps_its_bitmaps_and_goes_on_from_its_base()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 95));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([4], 1);
        }

        await Patience.UntilAsync(() => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("clients").GetInt32() == 0, "the guest to be gone");
        var moved = world.PathOf("moved.raw");
        Directory.CreateDirectory(world.PathOf("journals"));
        await world.RefusedAsync(1, "stop it first", "disk", "set", "d", "--file", moved);
        await world.AbkAsync("disk", "stop", "d");
        File.Move(image, moved);
        await world.RefusedAsync(1, "does not exist", "disk", "set", "d", "--file", world.PathOf("elsewhere.raw"));
        Image.Random(world.PathOf("other.raw"), 4 * Image.MiB, seed: 96);
        await world.RefusedAsync(2, "bytes", "disk", "set", "d", "--file", world.PathOf("other.raw"));
        await world.RefusedAsync(2, "name what is new", "disk", "set", "d");
        var disk = await world.AbkAsync("disk", "set", "d", "--file", moved, "--journal", world.PathOf("journals"));
        Assert.Equal($"file:{moved}", disk.GetProperty("backing").GetString());
        Assert.Equal([world.PathOf("journals/d.abktrack")], Directory.GetFiles(world.Directory, "*.abktrack", SearchOption.AllDirectories));

        // What the register, the tracking file and the journal say survives the process.
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        Assert.Equal($"file:{moved}", (await world.AbkAsync("disk", "start", "d")).GetProperty("backing").GetString());
        Assert.Equal(Image.BlockBytes, await world.DirtyBytesAsync("d", "auto.main"));
        Assert.Equal("bitmap", (await world.AbkAsync("backup", "d", "--wait")).GetProperty("sync").GetString());
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(moved, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task A_disk_whose_image_is_gone_comes_back_when_it_is_told_where_it_is()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 97));
        await world.Node.KillAsync();
        File.Move(image, world.PathOf("moved.raw"));
        await world.StartNodeAsync();
        Assert.Equal("error", (await world.AbkAsync("disk", "show", "d")).GetProperty("state").GetString());

        Assert.Equal("online", (await world.AbkAsync("disk", "set", "d", "--file", world.PathOf("moved.raw"))).GetProperty("state").GetString());
    }
}
