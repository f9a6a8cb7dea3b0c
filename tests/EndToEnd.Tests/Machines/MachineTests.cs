using System.Diagnostics;
using ActorBackup.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace ActorBackup.EndToEnd.Tests.Machines;

/// <summary>A real Linux on an export: what its users and its disk live through.</summary>
public sealed class MachineTests(ITestOutputHelper output)
{
    private const long DiskBytes = 96 * Image.MiB;

    [MachineFact]
    public async Task A_guest_lives_through_a_kill_and_a_retry_of_the_node_and_boots_from_its_backups()
    {
        await using var world = await World.StartAsync();
        var image = world.PathOf("d.raw");
        await MachineFiles.MakeDiskAsync(image, DiskBytes, world.Directory);
        await world.AbkAsync("disk", "add", "d", "--file", image);
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "daily");
        await using (var machine = await Machine.BootAsync(world.Directory, ExportDrive(world.Node, "d")))
        {
            await machine.AskAsync(Write("first"));
            await PauseAsync("kill -9", world, machine, "killed", world.Node.KillAsync);
            await PauseAsync("an orderly restart", world, machine, "restarted", world.Node.StopAsync);

            // While it writes: what was synced before is in the point.
            var writing = machine.Tell("i=0; while [ $i -lt 40 ]; do echo $i > /data/loop$i; $B sync; i=$((i+1)); done");
            await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "daily", "--policy", "always", "--wait");
            await machine.EndOfAsync(writing);
            await machine.AskAsync(Write("last"));
            await world.AbkAsync("backup", "d", "--sync", "bitmap", "--bitmap", "daily", "--policy", "always", "--wait");

            Assert.Equal("0", await machine.AskAsync("$B dmesg | $B grep -c 'I/O error'"));
            await machine.PowerOffAsync();
        }

        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        await ExpectAsync(world, $"driver=raw,node-name=disk,file.driver=file,file.filename={world.PathOf("restored.raw")}");

        await world.AbkAsync("point", "export", "d@latest", "--name", "old");
        var overlay = world.PathOf("overlay.qcow2");
        await Tool.SucceedAsync("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", world.Node.UriOf("old"), overlay);
        await ExpectAsync(world, $"driver=qcow2,node-name=disk,file.driver=file,file.filename={overlay}");
    }

    private static string ExportDrive(RunningNode node, string export) =>
        $"driver=raw,node-name=disk,file.driver=nbd,file.export={export},file.server.type=unix,file.server.path={node.Socket},file.reconnect-delay=120";

    private static string Write(string name) => $"$B dd if=/dev/urandom of=/data/{name} bs=64k count=20 2>/dev/null; $B md5sum /data/{name} > /data/{name}.md5; $B sync; echo done";

    private async Task PauseAsync(string what, World world, Machine machine, string file, Func<Task> stop)
    {
        await stop();
        var watch = Stopwatch.StartNew();
        var writing = machine.Tell(Write(file));
        await world.StartNodeAsync();
        Assert.Equal("done", await machine.EndOfAsync(writing));
        output.WriteLine($"{what}: the guest's write took {watch.Elapsed.TotalSeconds:0.0} s from the node's end on, the start of the next one included");
    }

    /// <summary>Boots once more and finds everything that was synced.</summary>
    private static async Task ExpectAsync(World world, string drive)
    {
        await using var machine = await Machine.BootAsync(world.Directory, drive);
        foreach (var name in new[] { "first", "killed", "restarted", "last" })
        {
            Assert.Equal($"/data/{name}: OK", await machine.AskAsync($"$B md5sum -c /data/{name}.md5 2>&1"));
        }

        Assert.Equal("39", await machine.AskAsync("$B cat /data/loop39"));
        Assert.Equal("2", await machine.AskAsync("$B wc -l < /boots"));
        await machine.PowerOffAsync();
    }
}
