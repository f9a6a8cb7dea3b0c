using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A repository whose storage neither answers nor fails.</summary>
public sealed class HungRepositoryTests
{
    private const long DiskBytes = 64 * Image.MiB;

    [LoopMountFact]
    public async Task Guests_write_on_while_it_hangs_and_the_backup_is_of_its_instant_when_it_comes_back()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, DiskBytes, seed: 60));
        var mount = await world.MountExt4Async("slow", "256M");
        await world.AbkAsync("repo", "create", "slow", $"file:{mount}/repository", "--default");
        var instant = world.PathOf("instant.raw");
        File.Copy(disk, instant);
        var job = (await world.AbkAsync("backup", "d", "--sync", "full", "--rate", "8M")).GetProperty("id").GetString()!;
        await Tool.SucceedAsync("fsfreeze", "--freeze", mount);
        try
        {
            await world.AbkAsync("job", "set-rate", job, "0");

            // More than twice the whole disk: every block that is still needed is kept first. Each of the writes is answered.
            await using var guest = await Guest.ConnectAsync(world.Node, "d");
            var random = new Random(61);
            var data = new byte[Image.BlockBytes];
            for (var block = 0L; block < 2 * DiskBytes / Image.BlockBytes; block++)
            {
                random.NextBytes(data);
                await guest.WriteAsync(block * Image.BlockBytes % DiskBytes, data);
            }

            Assert.NotEqual("concluded", (await world.JobAsync(job)).GetProperty("status").GetString());
        }
        finally
        {
            await Tool.SucceedAsync("fsfreeze", "--unfreeze", mount);
        }

        Assert.Equal("success", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(instant, world.PathOf("restored.raw"));
    }
}
