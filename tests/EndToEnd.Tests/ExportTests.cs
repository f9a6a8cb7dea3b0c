using System.Diagnostics;
using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>What clients of an export can read beside its bytes, and exports that come and go.</summary>
public class ExportTests
{
    [ToolFact("nbdinfo", "qemu-img")]
    public async Task Libnbd_and_qemu_read_exported_bitmaps()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 40 * Image.MiB, seed: 110));
        await world.AbkAsync("bitmap", "add", "d", "coarse", "--granularity", "1M");
        await world.AbkAsync("bitmap", "add", "d", "nächtlich", "--granularity", "4K");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([16, 17, 300], 7);
            await guest.WriteAsync((40 * Image.MiB) - 1, new byte[1]);
        }

        Assert.Equal(["base:allocation", "qemu:allocation-depth"], await ContextsAsync(world, "d"));
        var disk = await world.AbkAsync("disk", "export", "d", "--bitmap", "nächtlich", "--bitmap", "coarse");
        Assert.Equal(["coarse", "nächtlich"], Names(disk.GetProperty("exportedBitmaps")));
        Assert.Equal(["base:allocation", "qemu:allocation-depth", "qemu:dirty-bitmap:coarse", "qemu:dirty-bitmap:nächtlich"], await ContextsAsync(world, "d"));

        foreach (var name in (string[])["coarse", "nächtlich"])
        {
            var dirty = await world.ExtentsAsync("d", name);
            Assert.Equal(3, dirty.Count);
            Assert.Equal(dirty, await MapAsync(world, "d", $"qemu:dirty-bitmap:{name}", flag: 1));
            Assert.Equal(dirty, await QemuMapAsync(world, "d", $"qemu:dirty-bitmap:{name}"));
        }

        // Data where the file has some: what is not a hole is in the only layer there is.
        var data = await MapAsync(world, "d", "base:allocation", flag: 0);
        Assert.NotEmpty(data);
        Assert.Equal(data, await MapAsync(world, "d", "qemu:allocation-depth", flag: 1));
    }

    [Fact]
    public async Task An_exported_bitmap_is_busy_and_goes_on_recording()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 111));
        await world.AddDiskAsync("e", p => Image.Random(p, 8 * Image.MiB, seed: 112));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        await world.AbkAsync("bitmap", "add", "d", "b");
        await world.AbkAsync("bitmap", "add", "e", "b");
        await world.RefusedAsync(10, "no bitmap 'none'", "disk", "export", "d", "--bitmap", "b", "--bitmap", "none");
        await world.RefusedAsync(10, "no disk", "disk", "export", "none");
        await world.RefusedAsync(11, "twice", "disk", "export", "d", "--bitmap", "b", "--bitmap", "b");
        Assert.False((await world.BitmapAsync("d", "b")).GetProperty("busy").GetBoolean());

        await world.AbkAsync("disk", "export", "d", "--bitmap", "b", "--bitmap", "auto.main");
        await world.AbkAsync("disk", "export", "d", "--bitmap", "b", "--bitmap", "auto.main");
        foreach (var command in (string[])["remove", "clear", "enable", "disable"])
        {
            await world.RefusedAsync(11, "exported", "bitmap", command, "d", "b");
        }

        await world.RefusedAsync(11, "exported", "bitmap", "merge", "d", "b", "auto.main");
        await world.RefusedAsync(11, "exported", "bitmap", "merge", "e", "b", "d/b");
        await world.RefusedAsync(11, "exported", "backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always");
        await world.RefusedAsync(11, "exported", "backup", "d");
        await world.RefusedAsync(11, "exported", "disk", "resize", "d", "16M");
        await world.RefusedAsync(11, "exported", "point", "delete", "d@latest");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([5], 9);
        }

        var bitmap = await world.BitmapAsync("d", "b");
        Assert.Equal((true, true, true), (bitmap.GetProperty("busy").GetBoolean(), bitmap.GetProperty("exported").GetBoolean(), bitmap.GetProperty("recording").GetBoolean()));
        Assert.Equal([(5L * Image.BlockBytes, (long)Image.BlockBytes)], await world.ExtentsAsync("d", "b"));

        await world.AbkAsync("disk", "export", "d");
        Assert.False((await world.BitmapAsync("d", "b")).GetProperty("busy").GetBoolean());
        await world.AbkAsync("bitmap", "clear", "d", "b");
        Assert.Equal("bitmap", (await world.AbkAsync("backup", "d", "--wait")).GetProperty("sync").GetString());
        var job = (await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--no-auto-finalize")).GetProperty("id").GetString()!;
        await world.RefusedAsync(11, "in use by job", "disk", "export", "d", "--bitmap", "b");
        await world.AbkAsync("job", "cancel", job);
    }

    [Fact]
    public async Task A_disk_is_taken_off_and_brought_back()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 113));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "b");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await world.RefusedAsync(11, "connected", "disk", "unexport", "d");
            await world.AbkAsync("disk", "export", "d", "--bitmap", "b");
            await guest.FillAsync([1], 1);
        }

        await Patience.UntilAsync(() => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("clients").GetInt32() == 0, "the guest to be gone");
        var disk = await world.AbkAsync("disk", "unexport", "d");
        Assert.Equal(JsonValueKind.Null, disk.GetProperty("nbdUri").ValueKind);
        Assert.Equal("online", disk.GetProperty("state").GetString());
        await world.AbkAsync("disk", "unexport", "d");
        Assert.Equal(JsonValueKind.Null, (await world.AbkAsync("disk", "show", "d")).GetProperty("nbdUri").ValueKind);
        Assert.False((await world.BitmapAsync("d", "b")).GetProperty("busy").GetBoolean());
        await Assert.ThrowsAnyAsync<IOException>(() => Guest.ConnectAsync(world.Node, "d"));

        // It is a disk like any other, and its name stays its own.
        await world.AbkAsync("backup", "d", "--wait");
        await world.RefusedAsync(1, "another --name", "point", "export", "d@latest", "--name", "d");
        await world.AbkAsync("point", "export", "d@latest", "--name", "taken");
        Image.Random(world.PathOf("x.raw"), Image.MiB, seed: 1);
        await world.RefusedAsync(1, "point", "disk", "add", "taken", "--file", world.PathOf("x.raw"));
        await world.AbkAsync("disk", "resize", "d", "16M");
        await world.AbkAsync("disk", "stop", "d");
        await world.RefusedAsync(1, "stopped", "disk", "export", "d");
        Assert.Equal(JsonValueKind.Null, (await world.AbkAsync("disk", "start", "d")).GetProperty("nbdUri").ValueKind);

        await world.AbkAsync("disk", "export", "d");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([200], 2);
        }
    }

    [ToolFact("qemu-io")]
    public async Task A_bitmap_that_a_client_reads_is_not_taken_from_it()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 118));
        await world.AbkAsync("bitmap", "add", "d", "b");
        await world.AbkAsync("bitmap", "add", "d", "c");
        await world.AbkAsync("disk", "export", "d", "--bitmap", "b");
        var start = new ProcessStartInfo("qemu-io", ["--image-opts", OptionsOf(world, "d", "qemu:dirty-bitmap:b")])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        using var reader = Process.Start(start)!;
        await Patience.UntilAsync(() => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("clients").GetInt32() == 1, "the reader to be connected");

        await world.RefusedAsync(11, "reads a bitmap", "disk", "export", "d", "--bitmap", "c");
        await world.RefusedAsync(11, "exported", "bitmap", "remove", "d", "b");
        await world.AbkAsync("disk", "export", "d", "--bitmap", "b", "--bitmap", "c");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([3], 1);
        }

        await reader.StandardInput.WriteLineAsync("map");
        reader.StandardInput.Close();
        var map = await reader.StandardOutput.ReadToEndAsync().WaitAsync(Patience.Limit);
        Assert.Contains("64 KiB (0x10000) bytes not allocated at offset 192 KiB (0x30000)", map, StringComparison.Ordinal);
        await Patience.UntilAsync(() => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("clients").GetInt32() == 0, "the reader to be gone");
        await world.AbkAsync("disk", "export", "d", "--bitmap", "c");
        await world.AbkAsync("bitmap", "remove", "d", "b");
    }

    [ToolFact("nbdinfo")]
    public async Task Exports_are_the_same_after_a_kill_a_stop_of_the_node_and_a_stop_of_the_disk()
    {
        await using var world = await World.StartAsync();
        foreach (var id in (string[])["d", "off"])
        {
            await world.AddDiskAsync(id, p => Image.Random(p, 8 * Image.MiB, seed: 114));
            await world.AbkAsync("bitmap", "add", id, "b");
        }

        await world.AbkAsync("bitmap", "add", "d", "short-lived", "--transient");
        await world.AbkAsync("disk", "export", "d", "--bitmap", "b", "--bitmap", "short-lived");
        await world.AbkAsync("disk", "unexport", "off");
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        await AssertSameAsync();
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await AssertSameAsync();
        await world.AbkAsync("disk", "stop", "d");
        await world.AbkAsync("disk", "start", "d");
        await AssertSameAsync();
        await world.RefusedAsync(11, "exported", "bitmap", "clear", "d", "b");

        // Names are free again, and mean nothing of what was.
        await Patience.UntilAsync(() => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("clients").GetInt32() == 0, "clients to be gone");
        await world.AbkAsync("disk", "remove", "d");
        await world.AbkAsync("disk", "remove", "off");
        await world.AbkAsync("disk", "add", "off", "--file", world.PathOf("off.raw"));
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        Assert.Equal(["base:allocation", "qemu:allocation-depth"], await ContextsAsync(world, "off"));

        // Ready means served as it was: no waiting here.
        async Task AssertSameAsync()
        {
            Assert.Equal(["base:allocation", "qemu:allocation-depth", "qemu:dirty-bitmap:b"], await ContextsAsync(world, "d"));
            Assert.NotEqual(0, (await Tool.RunAsync("nbdinfo", ["--size", world.Node.UriOf("off")])).ExitCode);
            Assert.Equal(["b"], Names((await Patience.UntilAsync(
                () => world.AbkAsync("disk", "show", "d"), d => d.GetProperty("exportedBitmaps").GetArrayLength() == 1, "the transient bitmap to be gone")).GetProperty("exportedBitmaps")));
            Assert.Equal(JsonValueKind.Null, (await world.AbkAsync("disk", "show", "off")).GetProperty("nbdUri").ValueKind);
        }
    }

    [ToolFact("nbdinfo")]
    public async Task A_bitmap_that_cannot_be_trusted_any_more_is_not_exported_any_more()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 115));
        await world.AbkAsync("bitmap", "add", "d", "b");
        await world.AbkAsync("disk", "export", "d", "--bitmap", "b");
        await world.Node.StopAsync();
        using (var file = new FileStream(image, FileMode.Open, FileAccess.ReadWrite))
        {
            file.WriteByte(1);
        }

        File.SetLastWriteTimeUtc(image, File.GetLastWriteTimeUtc(image).AddSeconds(7));
        await world.StartNodeAsync();

        Assert.Equal(["base:allocation", "qemu:allocation-depth"], await ContextsAsync(world, "d"));
        await Patience.UntilAsync(() => world.BitmapAsync("d", "b"), b => b.GetProperty("inconsistent").GetBoolean(), "the bitmap to be inconsistent");
        Assert.False((await world.BitmapAsync("d", "b")).GetProperty("busy").GetBoolean());
        await world.RefusedAsync(1, "inconsistent", "disk", "export", "d", "--bitmap", "b");
        await world.AbkAsync("bitmap", "remove", "d", "b");
    }

    [ToolFact("nbdinfo", "qemu-img")]
    public async Task An_exported_point_says_where_it_differs_from_another()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 40 * Image.MiB, seed: 116));
        await world.AddDiskAsync("small", p => Image.Random(p, 8 * Image.MiB, seed: 117));
        await world.CreateRepositoryAsync();
        var first = (await world.AbkAsync("backup", "d", "--wait")).GetProperty("point").GetString()!;
        await world.AbkAsync("backup", "small", "--wait");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([0, 1, 99, 639], 3);
            await guest.ZeroAsync(50 * Image.BlockBytes, Image.BlockBytes);
            await guest.FillAsync([50], 4);
        }

        await world.AbkAsync("backup", "d", "--wait");
        await world.RefusedAsync(10, "no point", "point", "export", "d@latest", "--diff-from", "nowhere");
        await world.RefusedAsync(2, "cannot be compared", "point", "export", "d@latest", "--diff-from", "small@latest");
        var export = await world.AbkAsync("point", "export", "d@latest", "--name", "late", "--diff-from", first);
        var context = export.GetProperty("diffContext").GetString()!;
        Assert.Equal($"qemu:dirty-bitmap:diff-{first}", context);
        Assert.Equal(["base:allocation", "qemu:allocation-depth", context], await ContextsAsync(world, "late"));

        var differences = (await world.AbkAsync("point", "diff", first, "d@latest")).EnumerateArray()
            .Select(e => (e.GetProperty("offset").GetInt64(), e.GetProperty("length").GetInt64())).ToList();
        Assert.Equal(4, differences.Count);
        Assert.Equal(differences, await MapAsync(world, "late", context, flag: 1));
        Assert.Equal(differences, await QemuMapAsync(world, "late", context));
        Assert.Equal(await MapAsync(world, "late", "base:allocation", flag: 0), await MapAsync(world, "late", "qemu:allocation-depth", flag: 1));

        await world.AbkAsync("point", "export", "d@latest", "--name", "plain");
        Assert.Equal(["base:allocation", "qemu:allocation-depth"], await ContextsAsync(world, "plain"));
    }

    private static IEnumerable<string?> Names(JsonElement array) => array.EnumerateArray().Select(n => n.GetString());

    private static async Task<List<string?>> ContextsAsync(World world, string export)
    {
        using var info = JsonDocument.Parse(await Tool.SucceedAsync("nbdinfo", "--json", "--list", world.Node.UriOf("")));
        return [.. Names(info.RootElement.GetProperty("exports").EnumerateArray().Single(e => e.GetProperty("export-name").GetString() == export).GetProperty("contexts"))];
    }

    /// <summary>Ranges that have this status in libnbd's eyes.</summary>
    private static async Task<List<(long Offset, long Length)>> MapAsync(World world, string export, string context, int flag)
    {
        using var map = JsonDocument.Parse(await Tool.SucceedAsync("nbdinfo", "--json", $"--map={context}", world.Node.UriOf(export)));
        return Coalesced(map.RootElement.EnumerateArray()
            .Where(r => r.GetProperty("type").GetInt32() == flag)
            .Select(r => (r.GetProperty("offset").GetInt64(), r.GetProperty("length").GetInt64())));
    }

    /// <summary>Dirty ranges in QEMU's eyes, for which they are what is not there.</summary>
    private static async Task<List<(long Offset, long Length)>> QemuMapAsync(World world, string export, string context)
    {
        using var map = JsonDocument.Parse(await Tool.SucceedAsync(
            "qemu-img", "map", "--output=json", "--image-opts", OptionsOf(world, export, context)));
        return Coalesced(map.RootElement.EnumerateArray()
            .Where(r => !r.GetProperty("data").GetBoolean())
            .Select(r => (r.GetProperty("start").GetInt64(), r.GetProperty("length").GetInt64())));
    }

    private static string OptionsOf(World world, string export, string context) =>
        $"driver=nbd,server.type=unix,server.path={world.Node.Socket},export={export},x-dirty-bitmap={context}";

    private static List<(long Offset, long Length)> Coalesced(IEnumerable<(long Offset, long Length)> ranges)
    {
        var all = new List<(long Offset, long Length)>();
        foreach (var (offset, length) in ranges)
        {
            if (all.Count > 0 && all[^1].Offset + all[^1].Length == offset)
            {
                all[^1] = (all[^1].Offset, all[^1].Length + length);
            }
            else
            {
                all.Add((offset, length));
            }
        }

        return all;
    }
}
