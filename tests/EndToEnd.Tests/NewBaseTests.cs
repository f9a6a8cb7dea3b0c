using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary><c>bitmap add --base</c>: a new bitmap counts from a point that is there already (rule 14), and never claims too little.</summary>
public class NewBaseTests
{
    [Fact]
    public async Task A_disk_that_equals_the_point_gets_an_empty_bitmap_and_the_next_backup_is_small()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, (32 * Image.MiB) + 512, seed: 60));
        await world.CreateRepositoryAsync();
        var point = Text(await world.AbkAsync("backup", "d", "--sync", "full", "--wait"), "point");

        var bitmap = await world.AbkAsync("bitmap", "add", "d", "b", "--base", "d@latest");

        Assert.Equal(("b", point, "main", "valid"), (Text(bitmap, "name"), Text(bitmap, "base"), Text(bitmap, "baseRepo"), Text(bitmap, "baseState")));
        Assert.Equal((0L, true, true), (bitmap.GetProperty("dirtyBytes").GetInt64(), bitmap.GetProperty("recording").GetBoolean(), bitmap.GetProperty("persistent").GetBoolean()));
        var job = (await world.AbkAsync("job", "list")).EnumerateArray().Last();
        Assert.Equal(("verify", "success", "d", "b", "disk:d"), (Text(job, "kind"), Text(job, "outcome"), Text(job, "disk"), Text(job, "bitmap"), Text(job, "target")));
        Assert.Equal((32 * Image.MiB) + 512, job.GetProperty("bytesDone").GetInt64());

        await WriteAsync(world, "d", [3, 4, 100]);
        await AssertNextBackupAsync(world, "d", disk, blocks: 3);
    }

    [Theory]
    [InlineData("64K")]
    [InlineData("1M")]
    [InlineData("4K")]
    public async Task What_differs_from_the_point_is_dirty_and_nothing_else(string granularity)
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 16 * Image.MiB, seed: 61));
        await world.CreateRepositoryAsync();
        var instant = world.PathOf("instant.raw");
        File.Copy(disk, instant);
        var point = Text(await world.AbkAsync("backup", "d", "--sync", "full", "--wait"), "point")!;
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([0, 37, 38, 255], 0x5a);
            await guest.TrimAsync(64L * Image.BlockBytes, 20 * Image.BlockBytes);
        }

        var bitmap = await world.AbkAsync("bitmap", "add", "d", "b", "--base", point, "--granularity", granularity);

        var changed = Image.Differences(instant, disk);
        var perUnit = Math.Max(1, bitmap.GetProperty("granularity").GetInt64() / Image.BlockBytes);
        var units = changed.Select(b => b / perUnit).Distinct().SelectMany(u => Enumerable.Range(0, (int)perUnit).Select(i => (u * perUnit) + i));
        Assert.Equal(units, BlocksOf(await world.ExtentsAsync("d", "b")));
        await AssertNextBackupAsync(world, "d", disk, units.Count());
    }

    [Fact]
    public async Task While_the_disk_is_compared_its_point_is_pinned_and_a_comparison_that_fails_adds_nothing()
    {
        await using var world = await World.StartAsync();
        var (_, point, stuck) = await StuckInComparisonAsync(world, seed: 62);
        var job = Text(await world.AbkAsync("bitmap", "add", "d", "b", "--base", point, "--no-wait"), "id")!;
        await ReachTheMiddleAsync(world, job);

        Assert.Empty((await world.AbkAsync("bitmap", "list", "d")).EnumerateArray());
        await world.RefusedAsync(11, $"job {job}", "point", "delete", point);
        await world.RefusedAsync(11, $"job {job}", "bitmap", "add", "d", "b");
        await world.RefusedAsync(11, $"job {job}", "bitmap", "add", "d", "b", "--base", point);
        await world.RefusedAsync(11, $"job {job}", "disk", "stop", "d");
        await world.RefusedAsync(11, $"job {job}", "disk", "resize", "d", "64M");
        await world.RefusedAsync(11, $"job {job}", "point", "restore", point, "--to-disk", "d");
        await world.RefusedAsync(5, "still", "bitmap", "add", "d", "c", "--base", point, "--timeout", "0.2");
        stuck.Release();
        Assert.Equal("failed", Text(await world.EndOfAsync(job), "outcome"));
        Assert.DoesNotContain("b", (await world.AbkAsync("bitmap", "list", "d")).EnumerateArray().Select(b => Text(b, "name")));
    }

    [Fact]
    public async Task While_a_guest_writes_all_the_time_no_bitmap_claims_too_little()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 16 * Image.MiB, seed: 63));
        await world.CreateRepositoryAsync();
        using var stop = new CancellationTokenSource();
        var writing = WriteUntilAsync(world, stop.Token);
        for (var round = 0; round < 3; round++)
        {
            var point = Text(await world.AbkAsync("backup", "d", "--sync", "full", "--wait"), "point")!;
            await world.AbkAsync("bitmap", "add", "d", $"b{round}", "--base", point);
            await world.AbkAsync("point", "verify", point, "--against-disk");
            await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", $"b{round}", "--wait");
        }

        await stop.CancelAsync();
        await writing;
        await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", "b0", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task A_node_that_dies_in_the_middle_leaves_no_bitmap()
    {
        await using var world = await World.StartAsync();
        var (disk, point, stuck) = await StuckInComparisonAsync(world, seed: 64);
        var job = Text(await world.AbkAsync("bitmap", "add", "d", "b", "--base", point, "--no-wait"), "id")!;
        await ReachTheMiddleAsync(world, job);
        await WriteAsync(world, "d", [9]);

        await world.Node.KillAsync();
        stuck.Release();
        await world.StartNodeAsync();

        var end = await world.EndOfAsync(job);
        Assert.Equal("interrupted", Text(end, "outcome"));
        Assert.Contains("add it again", Text(end, "error"), StringComparison.Ordinal);
        Assert.Empty((await world.AbkAsync("bitmap", "list", "d")).EnumerateArray());
        Assert.Equal(Image.BlockBytes, (await world.AbkAsync("bitmap", "add", "d", "b", "--base", point)).GetProperty("dirtyBytes").GetInt64());
        await AssertNextBackupAsync(world, "d", disk, blocks: 1);
    }

    [Fact]
    public async Task A_comparison_that_is_cancelled_adds_nothing_and_lets_the_point_go()
    {
        await using var world = await World.StartAsync();
        var (_, point, stuck) = await StuckInComparisonAsync(world, seed: 65);
        var job = Text(await world.AbkAsync("bitmap", "add", "d", "b", "--base", point, "--no-wait"), "id")!;
        await ReachTheMiddleAsync(world, job);

        await world.AbkAsync("job", "cancel", job);
        stuck.Release();

        Assert.Equal("cancelled", Text(await world.EndOfAsync(job), "outcome"));
        Assert.Empty((await world.AbkAsync("bitmap", "list", "d")).EnumerateArray());
        await world.AbkAsync("point", "delete", point);
        await world.AbkAsync("bitmap", "add", "d", "b");
    }

    [Fact]
    public async Task A_trusted_base_is_there_at_once_and_nothing_is_read()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 16 * Image.MiB, seed: 66));
        await world.CreateRepositoryAsync();
        var point = Text(await world.AbkAsync("backup", "d", "--sync", "full", "--wait"), "point");
        var jobs = (await world.AbkAsync("job", "list")).GetArrayLength();

        var bitmap = await world.AbkAsync("bitmap", "add", "d", "b", "--base", "d@latest", "--trust");

        Assert.Equal((point, "valid", 0L), (Text(bitmap, "base"), Text(bitmap, "baseState"), bitmap.GetProperty("dirtyBytes").GetInt64()));
        Assert.Equal(jobs, (await world.AbkAsync("job", "list")).GetArrayLength());
        await WriteAsync(world, "d", [5]);
        await AssertNextBackupAsync(world, "d", disk, blocks: 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_partial_point_lacks_is_dirty(bool isTrusted)
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 4 * Image.MiB, seed: 67));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "some");
        await WriteAsync(world, "d", [1, 2, 3]);
        var point = Text(await world.AbkAsync("backup", "d", "--sync", "bitmap", "--bitmap", "some", "--policy", "never", "--base", "none", "--wait"), "point")!;

        var bitmap = await world.AbkAsync(["bitmap", "add", "d", "b", "--base", point, .. isTrusted ? new[] { "--trust" } : []]);

        Assert.Equal(("partial", 61L * Image.BlockBytes), (Text(bitmap, "baseState"), bitmap.GetProperty("dirtyBytes").GetInt64()));
        await AssertNextBackupAsync(world, "d", disk, blocks: 61);
    }

    [Fact]
    public async Task The_point_of_another_disk_will_do()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 68));
        var copy = await world.AddDiskAsync("e", p => File.Copy(disk, p));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--sync", "full", "--wait");
        await WriteAsync(world, "e", [11]);

        await world.AbkAsync("bitmap", "add", "e", "b", "--base", "d@latest");

        Assert.Equal([11L], BlocksOf(await world.ExtentsAsync("e", "b")));
        await AssertNextBackupAsync(world, "e", copy, blocks: 1);
    }

    [Fact]
    public async Task A_point_that_the_disk_cannot_count_from_is_refused()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 4 * Image.MiB, seed: 69));
        await world.AddDiskAsync("big", p => Image.Random(p, 8 * Image.MiB, seed: 70));
        await world.AddDiskAsync("coarse", p => Image.Random(p, 4 * Image.MiB, seed: 71), "--granularity", "128K");
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--sync", "full", "--wait");
        foreach (var more in new string[][] { [], ["--trust"] })
        {
            await world.RefusedAsync(2, "8388608 bytes", ["bitmap", "add", "big", "b", "--base", "d@latest", .. more]);
            await world.RefusedAsync(2, "blocks of 131072 bytes", ["bitmap", "add", "coarse", "b", "--base", "d@latest", .. more]);
            await world.RefusedAsync(2, "disabled", ["bitmap", "add", "d", "b", "--base", "d@latest", "--disabled", .. more]);
            await world.RefusedAsync(10, "no point", ["bitmap", "add", "d", "b", "--base", "nope", .. more]);
            await world.RefusedAsync(10, "no disk 'nope'", ["bitmap", "add", "nope", "b", "--base", "d@latest", .. more]);
        }

        await world.AbkAsync("disk", "stop", "d");
        await world.RefusedAsync(1, "stopped", "bitmap", "add", "d", "b", "--base", "d@latest");
        Assert.Empty((await world.AbkAsync("bitmap", "list", "big")).EnumerateArray());
    }

    [Fact]
    public async Task A_disk_that_is_being_restored_gets_no_base()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Dense(p, 64 * Image.MiB, seed: 72));
        await world.CreateRepositoryAsync();
        var point = Text(await world.AbkAsync("backup", "d", "--workers", "1", "--wait"), "point")!;
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.TrimAsync(0, 64 * Image.MiB);
        }

        var stuck = await StuckPack.InAsync(world, "main");
        var job = Text(await world.AbkAsync("point", "restore", point, "--to-disk", "d"), "id")!;
        await world.RefusedAsync(11, $"job {job}", "bitmap", "add", "d", "b", "--base", point);
        await world.RefusedAsync(11, $"job {job}", "bitmap", "add", "d", "b", "--base", point, "--trust");
        stuck.Release();
        await world.EndOfAsync(job);
    }

    /// <summary>A disk of 16 MiB with a full point, and a repository whose trees cannot be read to the end. Its index is loaded.</summary>
    private static async Task<(string Disk, string Point, StuckPack Stuck)> StuckInComparisonAsync(World world, int seed)
    {
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 16 * Image.MiB, seed));
        await world.CreateRepositoryAsync();
        var point = Text(await world.AbkAsync("backup", "d", "--sync", "full", "--wait"), "point")!;
        await world.Node.StopAsync();
        await world.StartNodeAsync();
        await world.AbkAsync("repo", "reindex", "main");
        return (disk, point, await StuckPack.OfTreesInAsync(world, "main"));
    }

    private static Task ReachTheMiddleAsync(World world, string job) =>
        Patience.UntilAsync(() => world.JobAsync(job), j => Text(j, "phase") == "comparing", "the comparison");

    /// <summary>An incremental copies so many blocks, and its point is the disk.</summary>
    private static async Task AssertNextBackupAsync(World world, string disk, string image, int blocks)
    {
        var job = await world.AbkAsync("backup", disk, "--sync", "incremental", "--bitmap", "b", "--wait");
        Assert.Equal((long)blocks * Image.BlockBytes, job.GetProperty("bytesTotal").GetInt64());
        Assert.Equal("complete", Text(await world.AbkAsync("point", "show", Text(job, "point")!), "state"));
        await world.RestoreAsync(Text(job, "point")!, world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
        File.Delete(world.PathOf("restored.raw"));
    }

    private static async Task WriteAsync(World world, string disk, long[] blocks)
    {
        await using var guest = await Guest.ConnectAsync(world.Node, disk);
        await guest.FillAsync(blocks, 0x7e);
    }

    private static async Task WriteUntilAsync(World world, CancellationToken stop)
    {
        var random = new Random(73);
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        var data = new byte[5000];
        while (!stop.IsCancellationRequested)
        {
            random.NextBytes(data);
            var offset = random.NextInt64((16 * Image.MiB) - data.Length);
            await (random.Next(8) == 0 ? guest.TrimAsync(offset, data.Length) : guest.WriteAsync(offset, data));
        }
    }

    private static IEnumerable<long> BlocksOf(IEnumerable<(long Offset, long Length)> extents) =>
        extents.SelectMany(e => Enumerable.Range(0, (int)((e.Length + Image.BlockBytes - 1) / Image.BlockBytes)).Select(i => (e.Offset / Image.BlockBytes) + i));

    private static string? Text(System.Text.Json.JsonElement json, string field) => json.GetProperty(field).GetString();
}
