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

    /// <summary>Locks of any kind on the file.</summary>
    private static async Task<int> LocksAsync(string path)
    {
        var inode = (await Tool.SucceedAsync("stat", "-c", "%i", path)).Trim();
        return File.ReadAllLines("/proc/locks").Count(l => l.Contains($":{inode} ", StringComparison.Ordinal));
    }
}
