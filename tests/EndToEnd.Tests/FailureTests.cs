using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>What stays of a bitmap when a job fails, is cancelled, or dies with its node.</summary>
public class FailureTests
{
    private const long DiskBytes = 64 * Image.MiB;
    private const long AllBlocks = DiskBytes / Image.BlockBytes;

    [Fact]
    public async Task Always_keeps_what_was_copied_and_the_retry_copies_the_rest()
    {
        await using var world = await World.StartAsync();
        var disk = await PrepareAsync(world);

        var job = await FailHalfwayAsync(world, "always");
        var remaining = await world.ExtentsAsync("d", "daily");
        var point = (await world.AbkAsync("point", "list")).EnumerateArray().Single(p => p.GetProperty("id").GetString() == job);
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([0, 1, 2], 0x33);
        }

        var dirty = await world.DirtyBytesAsync("d", "daily");
        var retry = await world.AbkAsync("job", "retry", job, "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));

        Assert.InRange(remaining.Sum(e => e.Length), Image.BlockBytes, DiskBytes - Image.BlockBytes);
        Assert.Equal("partial", point.GetProperty("state").GetString());
        Assert.Equal(
            remaining, point.GetProperty("missing").EnumerateArray().Select(e => (e.GetProperty("offset").GetInt64(), e.GetProperty("length").GetInt64())));
        Assert.Equal(dirty, retry.GetProperty("bytesTotal").GetInt64());
        Assert.Equal("success", retry.GetProperty("outcome").GetString());
        Assert.Equal(0, await world.DirtyBytesAsync("d", "daily"));
        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }

    [Theory]
    [InlineData("conditional")]
    [InlineData("never")]
    public async Task Other_policies_keep_every_bit(string policy)
    {
        await using var world = await World.StartAsync();
        await PrepareAsync(world);

        await FailHalfwayAsync(world, policy);

        Assert.Equal(DiskBytes, await world.DirtyBytesAsync("d", "daily"));
        var bitmap = await world.BitmapAsync("d", "daily");
        Assert.Equal("valid", bitmap.GetProperty("baseState").GetString());
        Assert.False(bitmap.GetProperty("busy").GetBoolean());
    }

    [Fact]
    public async Task Never_makes_differentials()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, DiskBytes, seed: 20));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "daily");
        var full = (await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "daily", "--policy", "conditional", "--wait")).GetProperty("point").GetString();

        for (var round = 1; round <= 2; round++)
        {
            await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
            {
                await guest.FillAsync([round * 100], (byte)round);
            }

            var job = await world.AbkAsync("backup", "d", "--sync", "bitmap", "--bitmap", "daily", "--policy", "never", "--wait");
            Assert.Equal(round * Image.BlockBytes, job.GetProperty("bytesTotal").GetInt64());
            Assert.Equal(round * Image.BlockBytes, await world.DirtyBytesAsync("d", "daily"));
            Assert.Equal(full, (await world.BitmapAsync("d", "daily")).GetProperty("base").GetString());
            await world.RestoreAsync("d@latest", world.PathOf($"restored{round}.raw"));
            Image.AssertEqual(disk, world.PathOf($"restored{round}.raw"));
        }
    }

    [Fact]
    public async Task Cancel_applies_the_policy_and_force_leaves_no_trace()
    {
        await using var world = await World.StartAsync();
        await PrepareAsync(world);
        var before = await world.BitmapAsync("d", "daily");

        var forced = await StartSlowAsync(world, "always");
        await WaitForHalfAsync(world, forced);
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([3], 9);
        }

        await world.AbkAsync("job", "cancel", forced, "--force");
        Assert.Equal("cancelled", (await world.EndOfAsync(forced)).GetProperty("outcome").GetString());
        var after = await world.BitmapAsync("d", "daily");
        Assert.Equal(DiskBytes, after.GetProperty("dirtyBytes").GetInt64());
        Assert.Equal(before.GetProperty("base").GetString(), after.GetProperty("base").GetString());

        var plain = await StartSlowAsync(world, "always");
        await WaitForHalfAsync(world, plain);
        await world.AbkAsync("job", "cancel", plain);
        Assert.Equal("cancelled", (await world.EndOfAsync(plain)).GetProperty("outcome").GetString());
        var kept = await world.BitmapAsync("d", "daily");
        Assert.InRange(kept.GetProperty("dirtyBytes").GetInt64(), 1, DiskBytes - Image.BlockBytes);
        Assert.Equal(plain, kept.GetProperty("base").GetString());
        Assert.Equal("partial", kept.GetProperty("baseState").GetString());
        await world.RefusedAsync(1, "partial", "point", "restore", plain, "--to", world.PathOf("x.raw"), "--wait");
        await world.AbkAsync("point", "restore", plain, "--to", world.PathOf("x.raw"), "--force", "--wait");
    }

    [Fact]
    public async Task A_killed_node_keeps_what_was_copied_and_goes_on()
    {
        await using var world = await World.StartAsync();
        var disk = await PrepareAsync(world);
        var job = await StartSlowAsync(world, "always");
        await WaitForHalfAsync(world, job);

        await world.Node.KillAsync();
        await world.StartNodeAsync();
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([11], 0x11);
        }

        Assert.Equal("interrupted", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        var dirty = await world.DirtyBytesAsync("d", "daily");
        Assert.InRange(dirty, Image.BlockBytes, DiskBytes - Image.BlockBytes);
        var retry = await world.AbkAsync("job", "retry", job, "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));

        Assert.Equal(dirty, retry.GetProperty("bytesTotal").GetInt64());
        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }

    [Fact]
    public async Task A_job_on_a_bitmap_that_died_with_the_node_is_concluded_once_its_repository_is_back()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, DiskBytes, seed: 12));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "passing", "--transient");
        var job = (await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "passing", "--policy", "always", "--rate", "12M")).GetProperty("id").GetString()!;
        await WaitForHalfAsync(world, job);
        await world.Node.KillAsync();
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));

        await world.StartNodeAsync();
        await Patience.UntilAsync(() => world.AbkAsync("bitmap", "list", "d"), b => b.GetArrayLength() == 0, "the transient bitmap to be gone");
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));

        Assert.Equal("interrupted", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        await world.AbkAsync("disk", "remove", "d");
    }

    [Fact]
    public async Task Kills_under_a_writing_guest_never_lose_a_dirty_block()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, DiskBytes, seed: 30));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "daily");
        await world.AbkAsync("bitmap", "add", "d", "fine", "--granularity", "4K");
        var random = new Random(31);
        for (var round = 0; round < 5; round++)
        {
            await world.AbkAsync("backup", "d", "--sync", round == 0 ? "full" : "bitmap", "--bitmap", "daily", "--policy", "always", "--wait");
            await world.AbkAsync("bitmap", "clear", "d", "fine");
            var copy = world.PathOf($"base{round}.raw");
            File.Copy(disk, copy);

            await WriteAndKillAsync(world, random);
            await world.StartNodeAsync();

            var changed = Image.Differences(copy, disk);
            Assert.NotEmpty(changed);
            foreach (var name in new[] { "daily", "fine" })
            {
                var extents = await world.ExtentsAsync("d", name);
                Assert.All(changed, b => Assert.Contains(extents, e => e.Offset < (b + 1) * Image.BlockBytes && e.Offset + e.Length > b * Image.BlockBytes));
            }

            Assert.False((await world.BitmapAsync("d", "daily")).GetProperty("inconsistent").GetBoolean());
        }

        await world.AbkAsync("backup", "d", "--sync", "bitmap", "--bitmap", "daily", "--policy", "always", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }

    [MountFact]
    public async Task A_target_that_fills_up_fails_the_job_and_the_retry_goes_on_when_there_is_room()
    {
        await using var world = await World.StartAsync();
        var mount = await world.MountTmpfsAsync("small", "40m");
        var disk = await world.AddDiskAsync("d", p => Image.Dense(p, DiskBytes, seed: 40));
        await world.AbkAsync("repo", "create", "small", $"file:{mount}/repo", "--default");
        await world.AbkAsync("bitmap", "add", "d", "daily");

        var failed = await world.RunAsync("backup", "d", "--sync", "full", "--bitmap", "daily", "--policy", "always", "--wait", "-o", "json");
        Assert.NotEqual(0, failed.ExitCode);
        var job = World.Json(failed.Out);
        Assert.Equal("failed", job.GetProperty("outcome").GetString());
        Assert.Contains("full", job.GetProperty("error").GetString(), StringComparison.Ordinal);

        await Tool.SucceedAsync("mount", "-o", "remount,size=200m", mount);
        await world.AbkAsync("job", "retry", job.GetProperty("id").GetString()!, "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }

    [MountFact]
    public async Task A_restore_onto_a_full_file_system_leaves_nothing()
    {
        await using var world = await World.StartAsync();
        var mount = await world.MountTmpfsAsync("tiny", "8m");
        await world.AddDiskAsync("d", p => Image.Dense(p, 32 * Image.MiB, seed: 41));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--sync", "full", "--wait");

        var result = await world.RunAsync("point", "restore", "d@latest", "--to", $"{mount}/r.raw", "--wait");

        Assert.NotEqual(0, result.ExitCode);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(mount));
    }

    [Fact]
    public async Task A_source_that_cannot_be_read_fails_the_job_and_nothing_else()
    {
        await using var world = await World.StartAsync();
        var disk = await PrepareAsync(world);

        // The end of the image goes away behind the node's back: reads there fail.
        using (var file = new FileStream(disk, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            file.SetLength(DiskBytes / 2);
        }

        var failed = await world.RunAsync("backup", "d", "--sync", "bitmap", "--bitmap", "daily", "--policy", "conditional", "--wait", "-o", "json");
        Assert.Equal(1, failed.ExitCode);
        var job = World.Json(failed.Out);
        Assert.Equal("io_error", job.GetProperty("errorCode").GetString());
        Assert.NotEmpty(job.GetProperty("badExtents").EnumerateArray());
        Assert.Equal(DiskBytes, await world.DirtyBytesAsync("d", "daily"));

        var ignored = await world.RunAsync(
            "backup", "d", "--sync", "bitmap", "--bitmap", "daily", "--policy", "always", "--on-source-error", "ignore", "--wait", "-o", "json");
        var partial = World.Json(ignored.Out);
        Assert.Equal(DiskBytes / 2, partial.GetProperty("badExtents").EnumerateArray().Sum(e => e.GetProperty("length").GetInt64()));
        Assert.Equal([(DiskBytes / 2, DiskBytes / 2)], await world.ExtentsAsync("d", "daily"));
    }

    /// <summary>A disk with a full backup, and every block of it written since.</summary>
    private static async Task<string> PrepareAsync(World world)
    {
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, DiskBytes, seed: 10));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "daily");
        await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "daily", "--policy", "always", "--wait");
        var random = new Random(11);
        var data = new byte[Image.BlockBytes];
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        for (var block = 0L; block < AllBlocks; block++)
        {
            random.NextBytes(data);
            await guest.WriteAsync(block * Image.BlockBytes, data);
        }

        return disk;
    }

    /// <summary>At a rate at which half of it is durable only after the first checkpoint, so that there is a pair by then.</summary>
    private static async Task<string> StartSlowAsync(World world, string policy) =>
        (await world.AbkAsync("backup", "d", "--sync", "bitmap", "--bitmap", "daily", "--policy", policy, "--rate", "9M")).GetProperty("id").GetString()!;

    /// <summary>Waits until the third part of the job's bytes is durable, also in the tracking file.</summary>
    private static Task WaitForHalfAsync(World world, string job) =>
        Patience.UntilAsync(
            () => world.JobAsync(job),
            j => j.GetProperty("bytesDone").GetInt64() > DiskBytes / 2,
            "half of the backup");

    private static async Task<string> FailHalfwayAsync(World world, string policy)
    {
        var job = await StartSlowAsync(world, policy);
        await WaitForHalfAsync(world, job);
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        var end = await world.EndOfAsync(job);
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        Assert.Equal("failed", end.GetProperty("outcome").GetString());
        Assert.Contains("not there", end.GetProperty("error").GetString(), StringComparison.Ordinal);
        if (policy == "always")
        {
            // The point was published when the repository was back.
            await Patience.UntilAsync(
                () => world.AbkAsync("point", "list"),
                points => points.EnumerateArray().Any(p => p.GetProperty("id").GetString() == job),
                "the partial point");
        }

        return job;
    }

    private static async Task WriteAndKillAsync(World world, Random random)
    {
        var kill = random.Next(200, 1500);
        var data = new byte[3000];
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        var writes = new List<Task>();
        for (var i = 0; i < kill; i++)
        {
            random.NextBytes(data);
            await guest.WriteAsync(random.NextInt64(DiskBytes - data.Length), data);
        }

        // Some more are in flight when it dies.
        for (var i = 0; i < 30; i++)
        {
            writes.Add(guest.WriteAsync(random.NextInt64(DiskBytes - data.Length), data.ToArray()));
        }

        await world.Node.KillAsync();
        await Task.WhenAll(writes.Select(w => w.ContinueWith(_ => { }, TaskScheduler.Default)));
    }
}
