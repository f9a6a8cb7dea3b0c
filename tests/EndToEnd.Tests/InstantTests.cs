using System.Text.Json;
using ActorBackup.Core.Blocks;
using ActorBackup.EndToEnd.Tests.Support;
using ActorBackup.Nbd.Client;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Sync none: a disk's instant that real readers read while its guest writes.</summary>
public class InstantTests
{
    [ToolFact("nbdinfo")]
    public async Task The_instant_is_read_as_it_was_whatever_the_guest_writes_until_it_is_cancelled()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", path => Image.Random(path, 8 * Image.MiB, seed: 3));
        await world.AbkAsync("bitmap", "add", "d", "b");
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        var before = await File.ReadAllBytesAsync(image);

        var job = await world.AbkAsync("backup", "d", "--sync", "none");
        await guest.FillAsync([0, 1, 17, 127], 0x55);
        await guest.TrimAsync(40 * Image.BlockBytes, Image.BlockBytes);

        var uri = job.GetProperty("nbdUri").GetString()!;
        Assert.Equal(("running", JsonValueKind.Null), (job.GetProperty("status").GetString(), job.GetProperty("repo").ValueKind));
        Assert.Contains("is_read_only: true", await Tool.SucceedAsync("nbdinfo", uri), StringComparison.Ordinal);
        var copy = world.PathOf("copy.raw");
        await Tool.SucceedAsync("nbdcopy", uri, copy);
        Assert.Equal(before, await File.ReadAllBytesAsync(copy));

        // Again: reading takes nothing away.
        await Tool.SucceedAsync("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, copy);
        Assert.Equal(5L * Image.BlockBytes, await world.DirtyBytesAsync("d", "b"));

        await world.AbkAsync("job", "cancel", job.GetProperty("id").GetString()!);
        var ended = await world.EndOfAsync(job.GetProperty("id").GetString()!);
        Assert.Equal(("cancelled", JsonValueKind.Null), (ended.GetProperty("outcome").GetString(), ended.GetProperty("nbdUri").ValueKind));
        Assert.NotEqual(0, (await Tool.RunAsync("nbdinfo", [uri])).ExitCode);
        Assert.Equal(5L * Image.BlockBytes, await world.DirtyBytesAsync("d", "b"));
        Assert.Empty(Directory.EnumerateFiles(world.PathOf("data"), "*.scratch*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task What_a_reader_trims_is_kept_no_longer_and_cannot_be_read()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", path => Image.Random(path, 8 * Image.MiB, seed: 4));
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        var job = await world.AbkAsync("backup", "d", "--sync", "none");
        await using var reader = await NbdClient.ConnectAsync(NbdUri.Parse(job.GetProperty("nbdUri").GetString()!), CancellationToken.None);

        Assert.True(reader.IsReadOnly);
        await Assert.ThrowsAsync<BlockDeviceException>(async () => await reader.WriteAsync(0, new byte[512], false, CancellationToken.None));
        await guest.FillAsync([2, 3], 0x11);
        await reader.TrimAsync(Image.BlockBytes, 3 * Image.BlockBytes, false, CancellationToken.None);

        await reader.ReadAsync(0, new byte[Image.BlockBytes], CancellationToken.None);
        await reader.ReadAsync(4 * Image.BlockBytes, new byte[Image.BlockBytes], CancellationToken.None);
        for (var block = 1; block < 4; block++)
        {
            await Assert.ThrowsAsync<BlockDeviceException>(async () => await reader.ReadAsync(block * Image.BlockBytes, new byte[512], CancellationToken.None));
        }
    }

    [Fact]
    public async Task Holes_of_the_instant_are_told_and_an_orderly_stop_ends_the_job()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", path =>
        {
            Image.Dense(path, 1 * Image.MiB, seed: 5);
            using var file = File.OpenWrite(path);
            file.SetLength(64L * Image.MiB);
        });
        var job = await world.AbkAsync("backup", "d", "--sync", "none");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([500], 0x22);
        }

        var runs = new AllocationRun[8];
        await using (var reader = await NbdClient.ConnectAsync(NbdUri.Parse(job.GetProperty("nbdUri").GetString()!), CancellationToken.None))
        {
            var count = await reader.QueryAllocationAsync(0, 64L * Image.MiB, runs, CancellationToken.None);
            Assert.Equal([(1L * Image.MiB, false), ((500L * Image.BlockBytes) - Image.MiB, true)], runs.Take(Math.Min(2, count)).Select(r => (r.Length, r.IsHole)));
        }

        await world.Node.StopAsync();
        await world.StartNodeAsync();
        Assert.Equal("interrupted", (await world.EndOfAsync(job.GetProperty("id").GetString()!)).GetProperty("outcome").GetString());
    }
}
