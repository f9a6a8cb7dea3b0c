using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary><c>point verify --against-disk</c>: every block that a bitmap calls clean is what the bitmap's base says (invariant T1, on a live disk).</summary>
public class AgainstDiskTests
{
    [Fact]
    public async Task It_holds_after_every_backup_while_a_guest_writes_and_jobs_come_and_go()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, (64 * Image.MiB) + 4096 + 512, seed: 31));
        await world.CreateRepositoryAsync();
        var first = (await world.AbkAsync("backup", "d", "--wait")).GetProperty("point").GetString()!;
        var quiet = await world.AbkAsync("point", "verify", "d@latest", "--against-disk");
        Assert.Equal(("verify", "success", "disk:d"), (Text(quiet, "kind"), Text(quiet, "outcome"), Text(quiet, "target")));
        Assert.Equal(((64 * Image.MiB) + 4096 + 512, 0L), (quiet.GetProperty("bytesDone").GetInt64(), quiet.GetProperty("bytesReused").GetInt64()));

        using var stop = new CancellationTokenSource();
        var writing = WriteUntilAsync(world, stop.Token);
        for (var round = 0; round < 3; round++)
        {
            await world.AbkAsync("point", "verify", "d@latest", "--against-disk");

            // The bitmap that the comparison began with gets another base meanwhile.
            var verify = (await world.AbkAsync("point", "verify", "d@latest", "--against-disk", "--no-wait")).GetProperty("id").GetString()!;
            await world.AbkAsync("backup", "d", "--wait");
            Assert.Equal("success", Text(await world.EndOfAsync(verify), "outcome"));
        }

        await stop.CancelAsync();
        await writing;
        Assert.True((await world.AbkAsync("point", "verify", "d@latest", "--against-disk")).GetProperty("bytesReused").GetInt64() >= 0);
        await world.RefusedAsync(1, "no bitmap of disk 'd' counts from point", "point", "verify", first, "--against-disk");
    }

    [Fact]
    public async Task A_byte_that_was_written_past_the_node_is_found_where_the_bitmap_calls_it_clean()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 32 * Image.MiB, seed: 32));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([7, 8], 0x55);
        }

        // One of the guest's blocks, and two that nobody is known to have written.
        foreach (var block in new long[] { 8, 100, 101 })
        {
            using var file = new FileStream(image, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            file.Position = (block * Image.BlockBytes) + 123;
            var value = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(value ^ 1));
        }

        var verify = await world.RunAsync("point", "verify", "d@latest", "--against-disk", "-o", "json");
        Assert.Equal(4, verify.ExitCode);
        var extent = Assert.Single(World.Json(verify.Out).GetProperty("badExtents").EnumerateArray());
        Assert.Equal((100L * Image.BlockBytes, 2L * Image.BlockBytes), (extent.GetProperty("offset").GetInt64(), extent.GetProperty("length").GetInt64()));
        Assert.Equal(2 * Image.BlockBytes, World.Json(verify.Out).GetProperty("bytesReused").GetInt64());

        // The point itself is good, and a full backup ends the doubt.
        await world.AbkAsync("point", "verify", "d@latest", "--full");
        await world.AbkAsync("bitmap", "add", "d", "new");
        await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "new", "--policy", "always", "--wait");
        await world.AbkAsync("point", "verify", "d@latest", "--against-disk", "--percent", "50");
    }

    [Fact]
    public async Task While_a_job_has_the_bitmap_what_it_is_to_copy_and_what_was_written_since_is_dirty()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 32 * Image.MiB, seed: 35));
        await world.CreateRepositoryAsync();
        var point = Text(await world.AbkAsync("backup", "d", "--wait"), "point")!;
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        await guest.FillAsync(Enumerable.Range(1, 20).Select(b => (long)b), 0x11);
        var backup = Text(await world.AbkAsync("backup", "d", "--rate", "64K"), "id")!;
        await guest.FillAsync(Enumerable.Range(100, 11).Select(b => (long)b), 0x22);

        var verify = await world.AbkAsync("point", "verify", point, "--against-disk");

        Assert.Equal(31L * Image.BlockBytes, verify.GetProperty("bytesReused").GetInt64());
        Assert.Equal("running", Text(await world.JobAsync(backup), "status"));
        await world.AbkAsync("job", "cancel", backup, "--force");
        await world.EndOfAsync(backup);
        Assert.Equal(31L * Image.BlockBytes, (await world.AbkAsync("point", "verify", point, "--against-disk")).GetProperty("bytesReused").GetInt64());
    }

    [Fact]
    public async Task What_cannot_be_compared_is_refused_with_the_reason()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 33));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--sync", "full", "--wait");
        await world.RefusedAsync(1, "no bitmap", "point", "verify", "d@latest", "--against-disk");
        await world.AbkAsync("disk", "stop", "d");
        await world.RefusedAsync(1, "stopped", "point", "verify", "d@latest", "--against-disk");
        var point = (await world.AbkAsync("point", "show", "d@latest")).GetProperty("id").GetString()!;
        await world.AbkAsync("disk", "remove", "d");
        await world.RefusedAsync(10, "no disk 'd'", "point", "verify", point, "--against-disk");
    }

    private static string? Text(System.Text.Json.JsonElement job, string field) => job.GetProperty(field).GetString();

    private static async Task WriteUntilAsync(World world, CancellationToken stop)
    {
        var random = new Random(34);
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        var data = new byte[5000];
        while (!stop.IsCancellationRequested)
        {
            random.NextBytes(data);
            var offset = random.NextInt64((64 * Image.MiB) - data.Length);
            await (random.Next(8) == 0 ? guest.TrimAsync(offset, data.Length) : guest.WriteAsync(offset, data));
        }
    }
}
