using System.Diagnostics;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Whose backing it is: other programs and other nodes on the same file.</summary>
public class BackingTests
{
    [ToolFact("qemu-io")]
    public async Task A_file_that_QEMU_writes_to_is_in_use_and_one_that_a_node_serves_is_closed_to_QEMU()
    {
        await using var world = await World.StartAsync();
        var image = world.PathOf("d.raw");
        Image.Random(image, 8 * Image.MiB, seed: 80);
        using (var qemu = Process.Start(new ProcessStartInfo("qemu-io", ["-f", "raw", image]) { RedirectStandardInput = true, RedirectStandardOutput = true })!)
        {
            await Patience.UntilAsync(() => LocksAsync(image), n => n > 0, "qemu-io to open the image");
            await world.RefusedAsync(11, "in use", "disk", "add", "d", "--file", image);
            qemu.Kill();
            await qemu.WaitForExitAsync();
        }

        await world.AbkAsync("disk", "add", "d", "--file", image);
        Assert.NotEqual(0, (await Tool.RunAsync("qemu-io", ["-f", "raw", "-c", "write 0 4k", image])).ExitCode);
        await world.AbkAsync("disk", "stop", "d");
        await Tool.SucceedAsync("qemu-io", "-f", "raw", "-c", "write 0 4k", image);
        await world.AbkAsync("disk", "start", "d");
    }

    [Fact]
    public async Task One_file_is_one_disk_under_whatever_name_and_on_whatever_node()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 81));
        File.CreateSymbolicLink(world.PathOf("soft.raw"), image);
        await Tool.SucceedAsync("ln", image, world.PathOf("hard.raw"));

        await world.RefusedAsync(11, "belongs to disk 'd'", "disk", "add", "e", "--file", image);
        await world.RefusedAsync(11, "in use", "disk", "add", "e", "--file", world.PathOf("soft.raw"));
        await world.RefusedAsync(11, "in use", "disk", "add", "e", "--file", world.PathOf("hard.raw"));
        var other = await world.StartNodeAsync("other");
        await world.RefusedAsync(11, "in use", "disk", "add", "e", "--file", image);
        Assert.NotNull(other);
    }

    [ToolFact("qemu-nbd", "qemu-io")]
    public async Task A_disk_on_another_NBD_server_is_tracked_and_backed_up_and_a_foreign_change_is_found()
    {
        await using var world = await World.StartAsync();
        var image = world.PathOf("remote.raw");
        Image.Dense(image, 8 * Image.MiB, seed: 82);
        var socket = world.PathOf("remote.sock");
        var uri = $"nbd+unix:///?socket={socket}";
        await using var server = await ServeAsync(image, socket);
        await world.CreateRepositoryAsync();
        await world.RefusedAsync(2, "--exclusive", "disk", "add", "d", "--nbd", uri);
        Assert.Equal(uri, (await world.AbkAsync("disk", "add", "d", "--nbd", uri, "--exclusive")).GetProperty("backing").GetString());
        await world.AbkAsync("backup", "d", "--wait");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([3, 7], 9);
            await guest.TrimAsync(0, Image.BlockBytes);
            await guest.FlushAsync();
        }

        Assert.Equal(3 * Image.BlockBytes, await world.DirtyBytesAsync("d", "auto.main"));
        await world.AbkAsync("backup", "d", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));

        await world.AbkAsync("disk", "stop", "d");
        await world.AbkAsync("disk", "start", "d");
        Assert.False((await world.BitmapAsync("d", "auto.main")).GetProperty("inconsistent").GetBoolean());
        await world.AbkAsync("disk", "stop", "d");
        await Tool.SucceedAsync("qemu-io", "-f", "raw", "-c", "write -P 0x33 0 8M", uri);
        await world.AbkAsync("disk", "start", "d");
        Assert.True((await world.BitmapAsync("d", "auto.main")).GetProperty("inconsistent").GetBoolean());
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_file_that_was_changed_after_a_kill_makes_its_bitmaps_inconsistent()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 83));
        await world.AbkAsync("bitmap", "add", "d", "b");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([5], 1);
        }

        await world.Node.KillAsync();
        await world.StartNodeAsync();
        Assert.False((await world.BitmapAsync("d", "b")).GetProperty("inconsistent").GetBoolean());

        // An idle disk has no lease that could hide it.
        await world.Node.KillAsync();
        await using (var file = new FileStream(image, FileMode.Open))
        {
            file.WriteByte(1);
        }

        await world.StartNodeAsync();
        Assert.True((await Patience.UntilAsync(
            () => world.BitmapAsync("d", "b"), b => b.GetProperty("inconsistent").GetBoolean(), "the bitmap to be inconsistent")).GetProperty("inconsistent").GetBoolean());
    }

    private static Task<NbdServerProcess> ServeAsync(string image, string socket) =>
        NbdServerProcess.StartAsync(socket, "qemu-nbd", "-t", "-e", "8", "-f", "raw", "-k", socket, image);

    /// <summary>Locks of any kind on the file.</summary>
    private static async Task<int> LocksAsync(string path)
    {
        var inode = (await Tool.SucceedAsync("stat", "-c", "%i", path)).Trim();
        return File.ReadAllLines("/proc/locks").Count(l => l.Contains($":{inode} ", StringComparison.Ordinal));
    }
}
