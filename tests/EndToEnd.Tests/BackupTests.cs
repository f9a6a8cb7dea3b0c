using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Backups of disks in use, and what comes back from them.</summary>
public class BackupTests
{
    [Fact]
    public async Task A_full_backup_holds_the_instant_while_a_guest_writes()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 96 * Image.MiB, seed: 1));
        await world.CreateRepositoryAsync();
        var instant = world.PathOf("instant.raw");
        File.Copy(disk, instant);

        var job = (await world.AbkAsync("backup", "d", "--sync", "full", "--rate", "1M")).GetProperty("id").GetString()!;
        await WriteEverywhereAsync(world, 96 * 16, writes: 1000, seed: 2);
        Assert.Equal("running", (await world.JobAsync(job)).GetProperty("status").GetString());

        // The rest in a hurry, with the guest still writing.
        var writing = WriteEverywhereAsync(world, 96 * 16, writes: 1000, seed: 3);
        await world.AbkAsync("job", "set-rate", job, "0");
        var end = await world.EndOfAsync(job);
        await writing;
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));

        Assert.Equal("success", end.GetProperty("outcome").GetString());
        Assert.NotEmpty(Image.Differences(instant, disk));
        Image.AssertEqual(instant, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task Incrementals_copy_what_was_written_and_nothing_else()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, (64 * Image.MiB) + 4096 + 512, seed: 3));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "daily");
        await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "daily", "--policy", "always", "--wait");
        Assert.Equal(0, await world.DirtyBytesAsync("d", "daily"));
        var points = new List<string>();

        for (var round = 0; round < 3; round++)
        {
            await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
            {
                await guest.FillAsync([10 + round, 20, 21], (byte)(7 + round));
                await guest.WriteAsync((1000 * Image.BlockBytes) - 100, new byte[200]);
                await guest.TrimAsync(500L * Image.BlockBytes, 2 * Image.BlockBytes);
                await guest.WriteAsync(64 * Image.MiB, new byte[] { 1, 2, 3 });
            }

            Assert.Equal(
                [((10L + round) * Image.BlockBytes, (long)Image.BlockBytes), (20L * Image.BlockBytes, 2L * Image.BlockBytes), (500L * Image.BlockBytes, 2L * Image.BlockBytes),
                    (999L * Image.BlockBytes, 2L * Image.BlockBytes), (64 * Image.MiB, 4096L + 512)],
                await world.ExtentsAsync("d", "daily"));
            var job = await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", "daily", "--wait");
            Assert.Equal((7L * Image.BlockBytes) + 4096 + 512, job.GetProperty("bytesTotal").GetInt64());
            Assert.Equal(0, await world.DirtyBytesAsync("d", "daily"));
            points.Add(job.GetProperty("point").GetString()!);
            await world.RestoreAsync(points[^1], world.PathOf($"restored{round}.raw"));
            Image.AssertEqual(disk, world.PathOf($"restored{round}.raw"));
        }

        var diff = await world.AbkAsync("point", "diff", points[0], points[1]);
        var expected = Image.Differences(world.PathOf("restored0.raw"), world.PathOf("restored1.raw")).Select(b => b * Image.BlockBytes);
        Assert.Equal(expected, diff.EnumerateArray().SelectMany(e => BlocksOf(e.GetProperty("offset").GetInt64(), e.GetProperty("length").GetInt64())));
    }

    [Fact]
    public async Task Two_disks_share_what_is_equal_and_verify_finds_a_damaged_byte()
    {
        await using var world = await World.StartAsync();
        var first = await world.AddDiskAsync("a", p => Image.Dense(p, 32 * Image.MiB, seed: 4));
        await world.AddDiskAsync("b", p => File.Copy(first, p));
        await world.CreateRepositoryAsync();

        await world.AbkAsync("backup", "a", "--sync", "full", "--wait");
        var second = await world.AbkAsync("backup", "b", "--sync", "full", "--wait");
        Assert.Equal(32 * Image.MiB, second.GetProperty("bytesReused").GetInt64());
        Assert.Equal(0, second.GetProperty("bytesSent").GetInt64());
        await world.AbkAsync("point", "verify", "a@latest", "--full", "--wait");

        var pack = Directory.GetFiles(world.PathOf("main/packs/data"), "*", SearchOption.AllDirectories).MaxBy(f => new FileInfo(f).Length)!;
        using (var file = new FileStream(pack, FileMode.Open, FileAccess.ReadWrite))
        {
            file.Position = file.Length / 2;
            var value = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(value ^ 0x40));
        }

        var verify = await world.RunAsync("point", "verify", "b@latest", "--full", "--wait", "-o", "json");
        Assert.Equal(4, verify.ExitCode);
        Assert.Contains("\"badExtents\"", verify.Out, StringComparison.Ordinal);
        var restore = await world.RunAsync("point", "restore", "b@latest", "--to", world.PathOf("bad.raw"), "--wait");
        Assert.NotEqual(0, restore.ExitCode);
        Assert.Empty(Directory.GetFiles(world.Directory, "bad.raw*"));
    }

    [Fact]
    public async Task A_second_node_with_nothing_but_the_repository_restores_every_point()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 48 * Image.MiB, seed: 5));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "daily");
        var expected = new Dictionary<string, string>();
        for (var round = 0; round < 3; round++)
        {
            var job = await world.AbkAsync("backup", "d", "--sync", round == 0 ? "full" : "bitmap", "--bitmap", "daily", "--policy", "always", "--wait");
            var copy = world.PathOf($"copy{round}.raw");
            File.Copy(disk, copy);
            expected.Add(job.GetProperty("point").GetString()!, copy);
            await using var guest = await Guest.ConnectAsync(world.Node, "d");
            await guest.FillAsync(Enumerable.Range(round * 50, 60).Select(b => (long)b), (byte)(100 + round));
        }

        await world.Node.StopAsync();
        await world.StartNodeAsync("other");
        await world.AbkAsync("repo", "attach", "found", $"file:{world.PathOf("main")}");
        var points = await world.AbkAsync("point", "list");

        Assert.Equal(expected.Keys.Order(), points.EnumerateArray().Select(p => p.GetProperty("id").GetString()));
        foreach (var (point, copy) in expected)
        {
            await world.RestoreAsync(point, copy + ".restored");
            Image.AssertEqual(copy, copy + ".restored");
        }
    }

    [Fact]
    public async Task Deleting_the_base_of_a_bitmap_gives_the_bits_back()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 32 * Image.MiB, seed: 6));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "daily");
        var first = (await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "daily", "--policy", "always", "--wait")).GetProperty("point").GetString()!;
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([5, 6, 7], 0x77);
        }

        var second = (await world.AbkAsync("backup", "d", "--sync", "bitmap", "--bitmap", "daily", "--policy", "always", "--wait")).GetProperty("point").GetString()!;
        await world.AbkAsync("point", "delete", second);

        var bitmap = await world.BitmapAsync("d", "daily");
        Assert.Equal(first, bitmap.GetProperty("base").GetString());
        Assert.Equal([(5L * Image.BlockBytes, 3L * Image.BlockBytes)], await world.ExtentsAsync("d", "daily"));
        await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", "daily", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }

    [ToolFact("nbdcopy", "qemu-img")]
    public async Task An_exported_point_reads_as_the_restored_file()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 40 * Image.MiB, seed: 7));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--sync", "full", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));

        await world.AbkAsync("point", "export", "d@latest", "--name", "old");
        await Tool.SucceedAsync("nbdcopy", world.Node.UriOf("old"), world.PathOf("copied.raw"));
        await Tool.SucceedAsync("qemu-img", "compare", "-f", "raw", "-F", "raw", world.PathOf("restored.raw"), world.Node.UriOf("old"));
        await world.AbkAsync("point", "unexport", "d@latest");

        Image.AssertEqual(world.PathOf("restored.raw"), world.PathOf("copied.raw"));
        Assert.NotEqual(0, (await Tool.RunAsync("qemu-img", ["info", world.Node.UriOf("old")])).ExitCode);
    }

    private static async Task WriteEverywhereAsync(World world, long blocks, int writes, int seed)
    {
        var random = new Random(seed);
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        var data = new byte[5000];
        for (var i = 0; i < writes; i++)
        {
            random.NextBytes(data);
            var offset = random.NextInt64((blocks * Image.BlockBytes) - data.Length);
            await (random.Next(10) switch
            {
                0 => guest.TrimAsync(offset, data.Length),
                1 => guest.ZeroAsync(offset, data.Length),
                _ => guest.WriteAsync(offset, data),
            });
        }
    }

    private static IEnumerable<long> BlocksOf(long offset, long length)
    {
        for (var at = offset; at < offset + length; at += Image.BlockBytes)
        {
            yield return at;
        }
    }
}
