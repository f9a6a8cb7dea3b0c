using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Disks of terabytes, sparse: what counts is what is dirty.</summary>
public class HugeDiskTests
{
    private const long TiB = 1L << 40;
    private const long TrimBytes = 2L << 30;

    /// <summary>
    /// The example that the policy was made for: of a disk of 4 TiB 3 TiB are dirty, the backup fails when 2 TiB are copied, and the next one copies the
    /// last TiB and what was written since, not 3 TiB again.
    /// </summary>
    [ToolFact("nbdkit")]
    public async Task Of_three_dirty_terabytes_two_are_copied_before_the_failure_and_the_retry_copies_one()
    {
        await using var world = await World.StartAsync();
        var (socket, broken) = (world.PathOf("source.sock"), world.PathOf("broken"));
        await using var server = await NbdServerProcess.StartAsync(
            socket, "nbdkit", "--foreground", "--unix", socket, "--filter=error", "memory", "4T", "error-pread=EIO", "error-pread-rate=100%", $"error-pread-file={broken}");
        await world.CreateRepositoryAsync();
        await world.AbkAsync("disk", "add", "d", "--nbd", $"nbd+unix:///?socket={socket}", "--exclusive");
        await world.AbkAsync("bitmap", "add", "d", "b");
        await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--wait");
        Assert.Equal(0, await world.DirtyBytesAsync("d", "b"));

        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            for (var offset = 0L; offset < 3 * TiB; offset += TrimBytes)
            {
                await guest.TrimAsync(offset, TrimBytes);
            }

            await guest.FillAsync([2 * TiB / Image.BlockBytes], 0x77);
            await guest.FlushAsync();
        }

        Assert.Equal([(0L, 3 * TiB)], await world.ExtentsAsync("d", "b"));

        // The only block that must be read is where the third terabyte begins.
        await File.WriteAllTextAsync(broken, "");
        var failed = World.Json(
            (await world.RunAsync("backup", "d", "--sync", "bitmap", "--bitmap", "b", "--policy", "always", "--workers", "1", "--wait", "-o", "json")).Out);
        Assert.Equal(("failed", 2 * TiB), (failed.GetProperty("outcome").GetString(), failed.GetProperty("bytesDone").GetInt64()));
        Assert.Equal([(2 * TiB, TiB)], await world.ExtentsAsync("d", "b"));

        File.Delete(broken);
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([1, 1000, (4 * TiB / Image.BlockBytes) - 1], 0x11);
        }

        var retry = await world.AbkAsync("job", "retry", failed.GetProperty("id").GetString()!, "--wait");

        Assert.Equal(("success", TiB + (3 * Image.BlockBytes)), (retry.GetProperty("outcome").GetString(), retry.GetProperty("bytesTotal").GetInt64()));
        Assert.Equal(0, await world.DirtyBytesAsync("d", "b"));
        var points = (await world.AbkAsync("point", "list")).EnumerateArray().Select(p => p.GetProperty("id").GetString()!).ToList();
        var differ = (await world.AbkAsync("point", "diff", points[0], "d@latest")).EnumerateArray().Select(e => e.GetProperty("offset").GetInt64()).ToList();
        Assert.Equal([Image.BlockBytes, 1000L * Image.BlockBytes, 2 * TiB, (4 * TiB) - Image.BlockBytes], differ);
        await world.AbkAsync("point", "verify", "d@latest", "--full");
    }
}
