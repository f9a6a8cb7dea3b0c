using System.Diagnostics;
using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Where a point can be restored to, and what an interrupted restore leaves.</summary>
public class RestoreTargetTests
{
    [Fact]
    public async Task A_disk_is_restored_through_its_tracking_and_only_what_differs_becomes_dirty()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, (64 * Image.MiB) + 512, seed: 40));
        await world.CreateRepositoryAsync();
        var instant = world.PathOf("instant.raw");
        File.Copy(disk, instant);
        var old = (await world.AbkAsync("backup", "d", "--wait")).GetProperty("point").GetString()!;
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([3, 4, 500], 0x42);
            await guest.TrimAsync(600L * Image.BlockBytes, 8 * Image.BlockBytes);
            await guest.WriteAsync(64 * Image.MiB, new byte[] { 1 });
        }

        await world.AbkAsync("backup", "d", "--wait");
        Assert.Equal(0, await world.DirtyBytesAsync("d", "auto.main"));
        var changed = Image.Differences(instant, disk);

        var job = await world.AbkAsync("point", "restore", old, "--to-disk", "d", "--wait");

        Image.AssertEqual(instant, disk);
        Assert.Equal(("restore", "success", "disk:d"), (Text(job, "kind"), Text(job, "outcome"), Text(job, "target")));
        Assert.Equal(changed, BlocksOf(await world.ExtentsAsync("d", "auto.main")));
        await world.AbkAsync("point", "verify", "d@latest", "--against-disk");
        await world.AbkAsync("backup", "d", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(instant, world.PathOf("restored.raw"));
        await using var again = await Guest.ConnectAsync(world.Node, "d");
    }

    [Fact]
    public async Task A_disk_that_cannot_take_the_point_is_refused_and_stays_as_it_is()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 41));
        await world.AddDiskAsync("small", p => Image.Random(p, 4 * Image.MiB, seed: 42));
        await world.AddDiskAsync("fixed", p => Image.Random(p, 8 * Image.MiB, seed: 43), "--read-only");
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        var before = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(disk)));

        await world.RefusedAsync(10, "no disk 'nope'", "point", "restore", "d@latest", "--to-disk", "nope");
        await world.RefusedAsync(2, "has 4194304 bytes", "point", "restore", "d@latest", "--to-disk", "small");
        await world.RefusedAsync(1, "read-only", "point", "restore", "d@latest", "--to-disk", "fixed");
        await world.RefusedAsync(2, "either --to PATH or --to-disk ID", "point", "restore", "d@latest");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await world.RefusedAsync(11, "1 client(s) are connected", "point", "restore", "d@latest", "--to-disk", "d");
            await guest.FlushAsync();
        }

        var backup = Text(await world.AbkAsync("backup", "d", "--sync", "full", "--no-auto-finalize"), "id")!;
        await world.RefusedAsync(11, "while a job runs", "point", "restore", "d@latest", "--to-disk", "d");
        await Patience.UntilAsync(() => world.JobAsync(backup), j => Text(j, "status") == "pending", "the backup to wait");
        await world.AbkAsync("job", "finalize", backup);
        await world.EndOfAsync(backup);
        Assert.Equal(before, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(disk))));
    }

    [Fact]
    public async Task While_a_disk_is_restored_nobody_gets_at_it_nor_after_its_node_died_and_bitmaps_are_true()
    {
        await using var world = await World.StartAsync();
        var (disk, instant, old) = await ChangedDiskAsync(world, seed: 44);
        var stuck = await StuckPack.InAsync(world, "main");
        var job = await StartAndReachTheMiddleAsync(world, old, "--to-disk", "d");

        await Assert.ThrowsAnyAsync<IOException>(() => Guest.ConnectAsync(world.Node, "d"));
        await world.RefusedAsync(11, $"while job {job} uses it", "backup", "d");
        await world.RefusedAsync(11, $"while job {job} uses it", "disk", "stop", "d");
        await world.RefusedAsync(11, $"while job {job} uses it", "disk", "resize", "d", "128M");
        await world.RefusedAsync(11, $"while job {job} uses it", "point", "restore", old, "--to-disk", "d");

        await world.Node.KillAsync();
        stuck.Release();
        await world.StartNodeAsync();
        var end = await world.EndOfAsync(job);
        Assert.Equal("interrupted", Text(end, "outcome"));
        Assert.Contains("disk 'd' is half restored", Text(end, "error"), StringComparison.Ordinal);

        // No guest gets half of a point, whatever is stopped and started; who asks is told what to do.
        await AssertHalfAsync(world, job);
        await world.AbkAsync("disk", "stop", "d");
        await world.AbkAsync("disk", "start", "d");
        await AssertHalfAsync(world, job);
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        await AssertHalfAsync(world, job);
        var status = await world.RunAsync("status", "-o", "json");
        Assert.Equal(3, status.ExitCode);
        Assert.Equal(["d"], World.Json(status.Out).GetProperty("failing").EnumerateArray().Select(d => d.GetString()));

        // The half that is there is dirty, so the bitmap is still right: an incremental gets exactly the disk.
        await world.AbkAsync("point", "verify", "d@latest", "--against-disk");
        await world.AbkAsync("backup", "d", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("half.raw"));
        Image.AssertEqual(disk, world.PathOf("half.raw"));

        var again = await world.AbkAsync("job", "retry", job, "--wait");
        Image.AssertEqual(instant, disk);
        Assert.True(again.GetProperty("bytesReused").GetInt64() > 0);
        await AssertWholeAsync(world);
    }

    [Fact]
    public async Task A_disk_whose_restore_was_cancelled_is_exported_as_it_is_only_when_somebody_says_so()
    {
        await using var world = await World.StartAsync();
        var (disk, instant, old) = await ChangedDiskAsync(world, seed: 45);
        var stuck = await StuckPack.InAsync(world, "main");
        var job = await StartAndReachTheMiddleAsync(world, old, "--to-disk", "d");

        await world.AbkAsync("job", "cancel", job);
        stuck.Release();
        await world.RefusedAsync(14, "disk 'd' is half restored", "job", "wait", job, "-o", "yaml");

        Assert.Equal("cancelled", Text(await world.EndOfAsync(job), "outcome"));
        await AssertHalfAsync(world, job);
        await world.AbkAsync("disk", "export", "d");
        await AssertWholeAsync(world);

        await world.AbkAsync("point", "restore", old, "--to-disk", "d", "--wait");
        Image.AssertEqual(instant, disk);
        await AssertWholeAsync(world);
    }

    [Fact]
    public async Task A_disk_into_which_a_restore_wrote_nothing_is_exported_as_before()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Dense(p, 16 * Image.MiB, seed: 47));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        var job = Text(await world.AbkAsync("point", "restore", "d@latest", "--to-disk", "d", "--rate", "64K"), "id")!;
        var during = await world.AbkAsync("disk", "show", "d");
        Assert.Contains($"job {job} restores point", Text(during, "stateReason"), StringComparison.Ordinal);
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (during.GetProperty("nbdUri").ValueKind, during.GetProperty("halfRestoredBy").ValueKind));

        await world.AbkAsync("job", "cancel", job);

        Assert.Equal("cancelled", Text(await world.EndOfAsync(job), "error"));
        await AssertWholeAsync(world);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_restore_to_a_file_that_is_cut_short_leaves_a_partial_file_and_the_next_one_goes_on(bool isKilled)
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Dense(p, 64 * Image.MiB, seed: 46));
        await world.CreateRepositoryAsync();
        var point = Text(await world.AbkAsync("backup", "d", "--workers", "1", "--wait"), "point")!;
        var stuck = await StuckPack.InAsync(world, "main");
        var target = world.PathOf("restored.raw");
        var partial = $"{target}.partial-{point}";
        var job = await StartAndReachTheMiddleAsync(world, point, "--to", target);

        if (isKilled)
        {
            await world.Node.KillAsync();
            stuck.Release();
            await world.StartNodeAsync();
        }
        else
        {
            await world.AbkAsync("job", "cancel", job);
            stuck.Release();
        }

        var end = await world.EndOfAsync(job);
        Assert.Equal(isKilled ? "interrupted" : "cancelled", Text(end, "outcome"));
        Assert.Contains(partial, Text(end, "error"), StringComparison.Ordinal);
        Assert.Equal([partial], Directory.GetFiles(world.Directory, "restored.raw*"));

        var again = await world.RestoreAsync(point, target);
        Image.AssertEqual(disk, target);
        Assert.Equal([target], Directory.GetFiles(world.Directory, "restored.raw*"));
        Assert.True(again.GetProperty("bytesReused").GetInt64() > 0);
    }

    [Fact]
    public async Task Several_restores_run_at_once()
    {
        await using var world = await World.StartAsync();
        var images = new List<string>();
        await world.CreateRepositoryAsync();
        for (var i = 0; i < 3; i++)
        {
            images.Add(await world.AddDiskAsync($"d{i}", p => Image.Random(p, 32 * Image.MiB, seed: 47 + i)));
            await world.AbkAsync("backup", $"d{i}", "--wait");
        }

        var jobs = new List<string>();
        foreach (var i in new[] { 0, 1, 2, 0 })
        {
            jobs.Add(Text(await world.AbkAsync("point", "restore", $"d{i}@latest", "--to", world.PathOf($"restored{jobs.Count}.raw")), "id")!);
        }

        foreach (var (job, i) in jobs.Select((j, i) => (j, i)))
        {
            Assert.Equal("success", Text(await world.EndOfAsync(job), "outcome"));
            Image.AssertEqual(images[i % 3], world.PathOf($"restored{i}.raw"));
        }
    }

    [LoopFact]
    public async Task A_block_device_is_overwritten_by_force_and_stays_sparse()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 32 * Image.MiB, seed: 50));
        await world.CreateRepositoryAsync();
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.ZeroAsync(4 * Image.MiB, 20 * Image.MiB);
        }

        await world.AbkAsync("backup", "d", "--wait");
        var (under, small) = (world.PathOf("under.raw"), world.PathOf("small.raw"));
        Image.Dense(under, 33 * Image.MiB, seed: 51);
        Image.Dense(small, 31 * Image.MiB, seed: 52);
        var beyond = (await File.ReadAllBytesAsync(under))[(int)(32 * Image.MiB)..];
        await using (var device = await LoopDevice.OverAsync(under))
        await using (var little = await LoopDevice.OverAsync(small))
        {
            await world.RefusedAsync(1, "--force", "point", "restore", "d@latest", "--to", device.Path);
            await world.RefusedAsync(2, "choose a target that is large enough", "point", "restore", "d@latest", "--to", little.Path, "--force");
            await world.AbkAsync("disk", "add", "held", "--file", little.Path, "--exclusive");
            await world.RefusedAsync(11, "belongs to disk 'held'", "point", "restore", "d@latest", "--to", little.Path, "--force");
            await world.AbkAsync("disk", "remove", "held");

            var job = await world.AbkAsync("point", "restore", "d@latest", "--to", device.Path, "--force", "--wait");
            Assert.Equal("success", Text(job, "outcome"));

            // All of it is there already.
            var again = await world.AbkAsync("point", "restore", "d@latest", "--to", device.Path, "--force", "--wait");
            Assert.Equal(32 * Image.MiB, again.GetProperty("bytesReused").GetInt64() + again.GetProperty("bytesZero").GetInt64());
        }

        Assert.True(await LoopDevice.AllocatedAsync(under) < 14 * Image.MiB);
        var content = await File.ReadAllBytesAsync(under);
        Assert.True((await File.ReadAllBytesAsync(disk)).AsSpan().SequenceEqual(content.AsSpan(0, (int)(32 * Image.MiB))));
        Assert.True(beyond.AsSpan().SequenceEqual(content.AsSpan((int)(32 * Image.MiB))));
    }

    [LoopMountFact]
    public async Task A_device_that_is_mounted_is_refused()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 53));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        var under = world.PathOf("under.raw");
        Image.Dense(under, 8 * Image.MiB, seed: 54);
        await using var device = await LoopDevice.OverAsync(under);
        using (new FileStream(device.Path, FileMode.Open))
        {
            // Merely open is not held.
            await world.AbkAsync("point", "restore", "d@latest", "--to", device.Path, "--force", "--wait");
        }

        await Tool.SucceedAsync("mkfs.ext4", "-q", "-F", device.Path);
        var mount = Directory.CreateDirectory(world.PathOf("mount")).FullName;
        await Tool.SucceedAsync("mount", device.Path, mount);
        try
        {
            await world.RefusedAsync(11, "in use", "point", "restore", "d@latest", "--to", device.Path, "--force");
        }
        finally
        {
            await Tool.SucceedAsync("umount", mount);
        }
    }

    [Fact]
    public async Task An_NBD_export_is_overwritten_by_force()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 16 * Image.MiB, seed: 55));
        var other = await world.AddDiskAsync("e", p => Image.Dense(p, 16 * Image.MiB, seed: 56));
        await world.AddDiskAsync("small", p => Image.Dense(p, 8 * Image.MiB, seed: 57));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        await world.AbkAsync("bitmap", "add", "e", "b");
        var uri = world.Node.UriOf("e");

        await world.RefusedAsync(1, "--force", "point", "restore", "d@latest", "--to", uri);
        await world.RefusedAsync(2, "large enough", "point", "restore", "d@latest", "--to", world.Node.UriOf("small"), "--force");
        await world.RefusedAsync(1, "cannot be opened", "point", "restore", "d@latest", "--to", world.Node.UriOf("nope"), "--force");
        Assert.Equal("success", Text(await world.AbkAsync("point", "restore", "d@latest", "--to", uri, "--force", "--wait"), "outcome"));

        Image.AssertEqual(disk, other);
        Assert.Equal(16 * Image.MiB, await world.DirtyBytesAsync("e", "b"));
    }

    [ToolFact("qemu-nbd")]
    public async Task An_export_of_QEMU_is_overwritten_and_stays_sparse()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 16 * Image.MiB, seed: 58));
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.ZeroAsync(0, 12 * Image.MiB);
        }

        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        var (image, socket) = (world.PathOf("remote.raw"), world.PathOf("remote.sock"));
        Image.Dense(image, 16 * Image.MiB, seed: 59);
        using var server = Process.Start(new ProcessStartInfo("qemu-nbd", ["-t", "-e", "8", "-f", "raw", "-k", socket, "--discard=unmap", image]))!;
        await Patience.UntilAsync(() => Task.FromResult(File.Exists(socket)), there => there, "qemu-nbd");

        await world.AbkAsync("point", "restore", "d@latest", "--to", $"nbd+unix:///?socket={socket}", "--force", "--wait");

        server.Kill();
        await server.WaitForExitAsync();
        Image.AssertEqual(disk, image);
        Assert.True(await LoopDevice.AllocatedAsync(image) <= 5 * Image.MiB);
    }

    private static string? Text(JsonElement element, string field) => element.GetProperty(field).GetString();

    private static List<long> BlocksOf(IEnumerable<(long Offset, long Length)> extents) =>
        [.. extents.SelectMany(e => Enumerable.Range(0, (int)((e.Length + Image.BlockBytes - 1) / Image.BlockBytes)).Select(i => (e.Offset / Image.BlockBytes) + i))];

    /// <summary>A disk that a guest has rewritten since its first point, and is backed up again.</summary>
    private static async Task AssertHalfAsync(World world, string job)
    {
        var shown = await world.AbkAsync("disk", "show", "d");
        Assert.Equal(("online", job, null), (Text(shown, "state"), Text(shown, "halfRestoredBy"), Text(shown, "nbdUri")));
        Assert.Contains($"'abk job retry {job}' restores the rest, 'abk disk export d' exports it as it is", Text(shown, "stateReason"), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(() => Guest.ConnectAsync(world.Node, "d"));
    }

    private static async Task AssertWholeAsync(World world)
    {
        var shown = await world.AbkAsync("disk", "show", "d");
        Assert.Equal((null, null), (Text(shown, "halfRestoredBy"), Text(shown, "stateReason")));
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
    }

    private static async Task<(string Disk, string Instant, string Point)> ChangedDiskAsync(World world, int seed)
    {
        var disk = await world.AddDiskAsync("d", p => Image.Dense(p, 64 * Image.MiB, seed));
        await world.CreateRepositoryAsync();
        var instant = world.PathOf("instant.raw");
        File.Copy(disk, instant);
        var point = Text(await world.AbkAsync("backup", "d", "--workers", "1", "--wait"), "point")!;
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync(Enumerable.Range(0, 1024).Select(b => (long)b), 0x33);
        }

        await world.AbkAsync("backup", "d", "--wait");
        return (disk, instant, point);
    }

    /// <summary>Starts a restore that will be stuck, and waits until it has written something.</summary>
    private static async Task<string> StartAndReachTheMiddleAsync(World world, string point, params string[] to)
    {
        var job = Text(await world.AbkAsync(["point", "restore", point, .. to]), "id")!;
        await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("bytesDone").GetInt64() > 0, "the restore to write something");
        return job;
    }
}
