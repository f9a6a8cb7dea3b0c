using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Other people's NBD clients on a disk's export.</summary>
public class GuestTests
{
    [ToolFact("qemu-io", "qemu-img", "nbdinfo", "nbdcopy")]
    public async Task Qemu_and_libnbd_work_on_an_export_and_every_change_is_dirty()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 64 * Image.MiB, seed: 60));
        await world.AbkAsync("bitmap", "add", "d", "b");
        var uri = world.Node.UriOf("d");

        using var info = JsonDocument.Parse(await Tool.SucceedAsync("nbdinfo", "--json", uri));
        var export = info.RootElement.GetProperty("exports")[0];
        Assert.Equal(64 * Image.MiB, export.GetProperty("export-size").GetInt64());
        Assert.True(export.GetProperty("can_multi_conn").GetBoolean());
        Assert.True(export.GetProperty("can_trim").GetBoolean());
        await Tool.SucceedAsync(
            "qemu-io", "-f", "raw", "-d", "unmap", "-c", "write -P 0x55 1M 64k", "-c", "write -z 2M 64k", "-c", "discard 3M 64k", "-c", "write -f -P 0x66 5000000 10", "-c", "flush", uri);
        Assert.Equal(
            [1 * Image.MiB, 2 * Image.MiB, 3 * Image.MiB, 5000000 / Image.BlockBytes * Image.BlockBytes],
            (await world.ExtentsAsync("d", "b")).Select(e => e.Offset));

        await Tool.SucceedAsync("nbdcopy", uri, world.PathOf("out.raw"));
        Image.AssertEqual(disk, world.PathOf("out.raw"));
        await Tool.SucceedAsync("qemu-img", "compare", "-f", "raw", "-F", "raw", disk, uri);
        Image.Random(world.PathOf("in.raw"), 64 * Image.MiB, seed: 61);
        await Tool.SucceedAsync("nbdcopy", world.PathOf("in.raw"), uri);
        Image.AssertEqual(world.PathOf("in.raw"), disk);
        await Tool.SucceedAsync("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", world.PathOf("out.raw"), uri);
        Image.AssertEqual(world.PathOf("out.raw"), disk);
    }

    [ToolFact("fio")]
    public async Task Fio_verifies_what_it_wrote_while_a_backup_runs()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 64 * Image.MiB, seed: 62));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "b");
        var job = (await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--rate", "20M")).GetProperty("id").GetString()!;

        await Tool.SucceedAsync(
            "fio", "--name=t", "--ioengine=nbd", $"--uri={world.Node.UriOf("d")}", "--rw=randwrite", "--bs=4k-32k", "--iodepth=16", "--size=64M", "--io_size=48M",
            "--verify=crc32c", "--randseed=7", "--output=/dev/null");
        Assert.Equal("success", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", "b", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));

        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task A_read_only_disk_refuses_writes_and_can_be_backed_up()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 63), "--read-only");
        await world.CreateRepositoryAsync();
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await Assert.ThrowsAnyAsync<Exception>(() => guest.WriteAsync(0, new byte[512]));
        }

        await world.AbkAsync("backup", "d", "--sync", "full", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task A_stopped_disk_is_released_and_comes_back_as_it_was()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 64));
        await world.AbkAsync("bitmap", "add", "d", "b");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([9], 1);
            await world.RefusedAsync(11, "client", "disk", "stop", "d");
        }

        await Patience.UntilAsync(() => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("clients").GetInt32() == 0, "the guest to be gone");
        await world.AbkAsync("disk", "stop", "d");
        await Assert.ThrowsAnyAsync<Exception>(() => Guest.ConnectAsync(world.Node, "d"));
        await world.AbkAsync("disk", "start", "d");

        Assert.Equal(Image.BlockBytes, await world.DirtyBytesAsync("d", "b"));
        await world.AbkAsync("disk", "remove", "d");
        await world.RefusedAsync(10, "no disk 'd'", "disk", "show", "d");
        Assert.Equal(["d.raw"], Directory.GetFiles(world.Directory, "d.raw*").Select(Path.GetFileName));
    }
}
