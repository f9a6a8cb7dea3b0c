using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>A running backup over an orderly stop of its node: it goes on at the same instant, or is interrupted where that is not there any more (rule 17).</summary>
public class SuspendTests
{
    private const long DiskBytes = 48 * Image.MiB;
    private const int BlockCount = (int)(DiskBytes / Image.BlockBytes);

    /// <summary>Blocks that guests write before the stop: some are copied already, the last ones surely not.</summary>
    private static readonly long[] Before = [0, 1, 2, 3, 4, 5, BlockCount - 9, BlockCount - 8, BlockCount - 7, BlockCount - 1];

    private static readonly long[] After = [2, 3, BlockCount - 20, BlockCount - 8, BlockCount - 6, BlockCount - 5];

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public async Task A_running_backup_goes_on_at_its_instant(bool hasBitmap, int stops)
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        string[] bitmap = hasBitmap ? ["--bitmap", "b", "--policy", "always"] : [];
        var job = await BeginAsync(world, image, bitmap);
        for (var stop = 0; stop < stops; stop++)
        {
            await WriteAsync(world, Before, (byte)(0x40 + stop));
            var copied = (await world.JobAsync(job)).GetProperty("bytesDone").GetInt64();
            Assert.Equal(0, await world.Node.StopAsync());
            Assert.True(Scratch(world).Length == 1, world.Node.Log);
            Assert.NotEmpty(Image.Differences(image, world.PathOf("instant.raw")));
            await world.StartNodeAsync();

            // Before anything else: what was to be protected is so at once.
            await WriteAsync(world, After, (byte)(0x60 + stop));
            var after = await GoesOnAsync(world, job);
            Assert.InRange(after.GetProperty("bytesDone").GetInt64(), copied, DiskBytes);
        }

        await world.AbkAsync("job", "set-rate", job, "0");
        var end = await world.EndOfAsync(job);
        Assert.Equal(("success", job), (end.GetProperty("outcome").GetString(), end.GetProperty("point").GetString()));
        Assert.Equal((DiskBytes, DiskBytes), (end.GetProperty("bytesTotal").GetInt64(), end.GetProperty("bytesDone").GetInt64()));
        await AssertIsInstantAsync(world, job);
        Assert.Empty(Scratch(world));
        if (hasBitmap)
        {
            // What was written since the instant, before and after the stops, and nothing else.
            Assert.Equal(Before.Union(After).Order(), BlocksOf(await world.ExtentsAsync("d", "b")));
            await AssertNextBackupIsRightAsync(world, image);
        }
    }

    [Fact]
    public async Task Waiting_for_a_job_outlives_the_stop_and_an_incremental_job_goes_on_over_its_base()
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--wait");
        await WriteAsync(world, Enumerable.Range(100, 400).Select(b => (long)b), 0x77);
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            // Of the base there must be nothing where the instant has zeroes.
            await guest.ZeroAsync(700L * Image.BlockBytes, 20L * Image.BlockBytes);
        }

        var job = await BeginAsync(world, image, ["--bitmap", "b", "--policy", "always"], sync: "bitmap");
        await WriteAsync(world, [110, 120, 299, 705], 0x78);
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await WriteAsync(world, [111, 298, 706, 740], 0x79);
        var waiting = world.RunAsync("job", "wait", job);
        await GoesOnAsync(world, job);
        await world.AbkAsync("job", "set-rate", job, "0");
        Assert.Equal(0, (await waiting).ExitCode);
        await AssertIsInstantAsync(world, job);
        Assert.Equal([110L, 111, 120, 298, 299, 705, 706, 740], BlocksOf(await world.ExtentsAsync("d", "b")));
        await AssertNextBackupIsRightAsync(world, image);
    }

    [Fact]
    public async Task A_paused_job_stays_paused_at_its_rate_and_with_its_policy()
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        var job = await BeginAsync(world, image, ["--bitmap", "b", "--policy", "conditional"]);
        await world.AbkAsync("job", "set-rate", job, "100000");
        await world.AbkAsync("job", "set-policy", job, "always");
        await world.AbkAsync("job", "pause", job);
        await WriteAsync(world, Before, 0x41);

        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await WriteAsync(world, After, 0x61);

        var paused = await Patience.UntilAsync(
            () => world.JobAsync(job), j => j.GetProperty("status").GetString() == "paused" && j.GetProperty("phase").GetString() == "copying", "the job to be paused");
        Assert.Equal((100_000, "always"), (paused.GetProperty("rateBytesPerSecond").GetInt64(), paused.GetProperty("policy").GetString()));
        await world.AbkAsync("job", "set-rate", job, "0");
        await world.AbkAsync("job", "resume", job);
        Assert.Equal("success", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        await AssertIsInstantAsync(world, job);
    }

    [Fact]
    public async Task A_job_whose_repository_is_away_at_the_start_waits_for_it_over_further_stops()
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        var job = await BeginAsync(world, image, []);
        await WriteAsync(world, Before, 0x41);
        Assert.Equal(0, await world.Node.StopAsync());
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));

        await world.StartNodeAsync();
        await WriteAsync(world, After, 0x61);
        await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("phase").GetString() == "waiting to go on", "the job to wait for its repository");
        await world.RefusedAsync(1, "goes on when its repository answers", "job", "pause", job);
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();
        await WriteAsync(world, [40, BlockCount - 30], 0x62);

        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        await GoesOnAsync(world, job);
        await world.AbkAsync("job", "set-rate", job, "0");
        Assert.Equal("success", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        await AssertIsInstantAsync(world, job);
    }

    [Theory]
    [InlineData("always", false)]
    [InlineData("always", true)]
    [InlineData("conditional", false)]
    public async Task A_job_whose_repository_stays_away_can_be_cancelled_and_keeps_what_its_policy_says(string policy, bool isForced)
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        var job = await BeginAsync(world, image, ["--bitmap", "b", "--policy", policy]);
        await WriteAsync(world, Before, 0x41);
        Assert.Equal(0, await world.Node.StopAsync());
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        await world.StartNodeAsync();
        await WriteAsync(world, After, 0x61);

        string[] force = isForced ? ["--force"] : [];
        Assert.Equal("cancelled", (await world.AbkAsync(["job", "cancel", job, .. force])).GetProperty("outcome").GetString());

        // Nothing holds the disk any more: the bitmap is free, and guests are not held back for the job's instant.
        Assert.Empty(Scratch(world));
        var keeps = policy == "always" && !isForced;
        var bitmap = await world.BitmapAsync("d", "b");
        Assert.Equal((false, keeps ? "partial" : "none"), (bitmap.GetProperty("busy").GetBoolean(), bitmap.GetProperty("baseState").GetString()));
        await WriteAsync(world, [50], 0x62);
        if (keeps)
        {
            Assert.InRange(bitmap.GetProperty("dirtyBytes").GetInt64(), 1, DiskBytes - Image.MiB);
        }

        await world.Node.KillAsync();
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        await world.StartNodeAsync();
        if (keeps)
        {
            // The partial point is there as soon as its repository is.
            await Patience.UntilAsync(() => world.AbkAsync("point", "list"), l => l.GetArrayLength() == 1, "the partial point");
        }

        await AssertNextBackupIsRightAsync(world, image, keeps ? "bitmap" : "full");
        Assert.Equal(keeps, (await world.AbkAsync("point", "list")).EnumerateArray().Any(p => p.GetProperty("id").GetString() == job));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_job_that_died_and_whose_repository_stays_away_ends_by_force(bool comesBack)
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        var job = await BeginAsync(world, image, ["--bitmap", "b", "--policy", "always"]);
        await WriteAsync(world, Before, 0x41);
        await world.Node.KillAsync();
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        await world.StartNodeAsync();
        await WriteAsync(world, After, 0x61);
        await world.RefusedAsync(1, "--force", "job", "cancel", job);
        await world.RefusedAsync(11, "has not ended", "repo", "detach", "main");

        await world.AbkAsync("job", "cancel", job, "--force");

        Assert.Equal("cancelled", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        Assert.False((await world.BitmapAsync("d", "b")).GetProperty("busy").GetBoolean());
        if (comesBack)
        {
            Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        }
        else
        {
            await world.AbkAsync("repo", "detach", "main");
            await world.CreateRepositoryAsync("other");
        }

        await AssertNextBackupIsRightAsync(world, image, "full");
        Assert.DoesNotContain((await world.AbkAsync("point", "list")).EnumerateArray(), p => p.GetProperty("id").GetString() == job);
    }

    [Theory]
    [InlineData("killed")]
    [InlineData("killed after it went on")]
    [InlineData("without scratch")]
    [InlineData("damaged index")]
    [InlineData("changed disk")]
    public async Task Where_the_instant_is_lost_the_job_is_interrupted(string how)
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        var job = await BeginAsync(world, image, ["--bitmap", "b", "--policy", "always"], hasPair: how == "killed");
        await WriteAsync(world, Before, 0x41);
        if (how == "killed")
        {
            await world.Node.KillAsync();
        }
        else
        {
            Assert.Equal(0, await world.Node.StopAsync());
        }

        switch (how)
        {
            case "killed after it went on":
                await world.StartNodeAsync();
                await GoesOnAsync(world, job);
                await WriteAsync(world, After, 0x61);
                await world.Node.KillAsync();
                break;
            case "without scratch":
                File.Delete(Assert.Single(Scratch(world)));
                break;
            case "damaged index":
                await using (var scratch = File.OpenWrite(Assert.Single(Scratch(world))))
                {
                    scratch.Position = scratch.Length - 1;
                    scratch.WriteByte(0x5a);
                }

                break;
            case "changed disk":
                await using (var disk = File.OpenWrite(image))
                {
                    disk.Position = DiskBytes - Image.BlockBytes;
                    disk.WriteByte(0x5a);
                }

                break;
            default:
                break;
        }

        await world.StartNodeAsync();
        await WriteAsync(world, After, 0x62);
        var end = await world.EndOfAsync(job);
        Assert.Equal("interrupted", end.GetProperty("outcome").GetString());
        Assert.Empty(Scratch(world));
        if (how != "changed disk")
        {
            // What was copied is kept, and the retry lacks nothing.
            var bitmap = await world.BitmapAsync("d", "b");
            Assert.Equal(("partial", job), (bitmap.GetProperty("baseState").GetString(), bitmap.GetProperty("base").GetString()));
            await AssertNextBackupIsRightAsync(world, image);
        }
    }

    private static async Task<string> PrepareAsync(World world)
    {
        var image = await world.AddDiskAsync("d", p => Image.Dense(p, DiskBytes, seed: 17));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "b");
        return image;
    }

    /// <summary>A backup that has copied something and goes on slowly, and the disk at its instant beside it.</summary>
    private static async Task<string> BeginAsync(World world, string image, string[] bitmap, string sync = "full", bool hasPair = false)
    {
        var job = (await world.AbkAsync(["backup", "d", "--sync", sync, .. bitmap, "--rate", "2M"])).GetProperty("id").GetString()!;
        File.Copy(image, world.PathOf("instant.raw"));
        var copied = await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("bytesDone").GetInt64() >= Image.MiB, "the backup to have copied something");
        if (hasPair)
        {
            // Blocks are durable before the pair is that has them; that one is when the next checkpoint's blocks are.
            var first = copied.GetProperty("bytesDone").GetInt64();
            await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("bytesDone").GetInt64() >= first + Image.MiB, "the next checkpoint");
        }

        // It will not end before it is let go.
        await world.AbkAsync("job", "set-rate", job, $"{Image.BlockBytes}");
        return job;
    }

    private static async Task WriteAsync(World world, IEnumerable<long> blocks, byte value)
    {
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        await guest.FillAsync(blocks, value);
    }

    private static Task<JsonElement> GoesOnAsync(World world, string job) =>
        Patience.UntilAsync(
            () => world.JobAsync(job),
            j => j.GetProperty("status").GetString() == "running" && j.GetProperty("phase").GetString() == "copying",
            "the job to go on");

    private static string[] Scratch(World world) => Directory.GetFiles(Path.Combine(world.PathOf("data"), "scratch"));

    private static IEnumerable<long> BlocksOf(IEnumerable<(long Offset, long Length)> extents) =>
        extents.SelectMany(e => Enumerable.Range(0, (int)(e.Length / Image.BlockBytes)).Select(i => (e.Offset / Image.BlockBytes) + i));

    private static async Task AssertIsInstantAsync(World world, string point)
    {
        await world.RestoreAsync(point, world.PathOf("restored.raw"));
        Image.AssertEqual(world.PathOf("instant.raw"), world.PathOf("restored.raw"));
    }

    private static async Task AssertNextBackupIsRightAsync(World world, string image, string sync = "bitmap")
    {
        var next = await world.AbkAsync("backup", "d", "--sync", sync, "--bitmap", "b", "--policy", "always", "--wait");
        await world.RestoreAsync(next.GetProperty("point").GetString()!, world.PathOf("next.raw"));
        Image.AssertEqual(image, world.PathOf("next.raw"));
    }
}
