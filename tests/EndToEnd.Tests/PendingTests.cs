using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Jobs that wait to be finalized: what can be decided, also after the node was killed meanwhile (rule 16).</summary>
public class PendingTests
{
    private const long DiskBytes = 32 * Image.MiB;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_failed_job_keeps_or_discards_its_work_as_a_person_decides(bool isKilled)
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);

        // Conditional, and yet what was copied can be kept.
        var discarded = await FailAsync(world, "conditional", isKilled);
        await world.AbkAsync("job", "finalize", discarded, "--discard");
        var end = await world.EndOfAsync(discarded);
        Assert.Equal(("failed", JsonValueKind.Null), (end.GetProperty("outcome").GetString(), end.GetProperty("point").ValueKind));
        Assert.Equal(DiskBytes, await world.DirtyBytesAsync("d", "b"));

        var kept = await FailAsync(world, "conditional", isKilled);
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([0], 0x5a);
        }

        var finalized = await world.AbkAsync("job", "finalize", kept, "--keep");
        Assert.Equal(kept, finalized.GetProperty("id").GetString());
        end = await world.EndOfAsync(kept);
        Assert.Equal("failed", end.GetProperty("outcome").GetString());
        Assert.Equal(kept, end.GetProperty("point").GetString());
        var bitmap = await world.BitmapAsync("d", "b");
        Assert.Equal(("partial", kept, false), (bitmap.GetProperty("baseState").GetString(), bitmap.GetProperty("base").GetString(), bitmap.GetProperty("busy").GetBoolean()));
        var dirty = bitmap.GetProperty("dirtyBytes").GetInt64();
        Assert.InRange(dirty, Image.BlockBytes, DiskBytes - Image.BlockBytes);

        // Without auto-finalize the retry waits, too.
        var retry = (await world.AbkAsync("job", "retry", kept)).GetProperty("id").GetString()!;
        Assert.Equal(dirty, (await PendingAsync(world, retry)).GetProperty("bytesTotal").GetInt64());
        await world.AbkAsync("job", "finalize", retry);
        Assert.Equal("success", (await world.EndOfAsync(retry)).GetProperty("outcome").GetString());
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
    }

    [Theory]
    [InlineData("finalize", "--discard", "failed")]
    [InlineData("cancel", "--force", "cancelled")]
    public async Task Without_its_repository_a_job_ends_only_as_if_it_had_never_run(string verb, string force, string outcome)
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        var counted = (await world.BitmapAsync("d", "b")).GetProperty("base").GetString();
        var job = await FailAsync(world, "always", isKilled: true);
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        Assert.Equal(1, (await world.RunAsync("job", "cancel", job)).ExitCode);
        Assert.Equal("pending", (await world.JobAsync(job)).GetProperty("status").GetString());

        await world.AbkAsync("job", verb, job, force);

        var end = await world.EndOfAsync(job);
        Assert.Equal((outcome, JsonValueKind.Null), (end.GetProperty("outcome").GetString(), end.GetProperty("point").ValueKind));
        var bitmap = await world.BitmapAsync("d", "b");
        Assert.Equal((false, counted, DiskBytes), (bitmap.GetProperty("busy").GetBoolean(), bitmap.GetProperty("base").GetString(), bitmap.GetProperty("dirtyBytes").GetInt64()));
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(image, world.PathOf("restored.raw"));
        Assert.DoesNotContain((await world.AbkAsync("point", "list")).EnumerateArray(), p => p.GetProperty("id").GetString() == job);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_job_that_copied_everything_succeeds_or_is_cancelled_as_a_person_decides(bool isKilled)
    {
        await using var world = await World.StartAsync();
        var image = await PrepareAsync(world);
        string[] backup = ["backup", "d", "--sync", "bitmap", "--bitmap", "b", "--policy", "always", "--no-auto-finalize"];

        // Cancelled when all was copied: the work is kept, and yet the point is not complete.
        var cancelled = (await world.AbkAsync(backup)).GetProperty("id").GetString()!;
        await PendingAsync(world, cancelled, isKilled);
        await world.RefusedAsync(11, "in use by job", "bitmap", "clear", "d", "b");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([3, 9], 0x11);
        }

        await world.AbkAsync("job", "cancel", cancelled);
        Assert.Equal("cancelled", (await world.EndOfAsync(cancelled)).GetProperty("outcome").GetString());
        var bitmap = await world.BitmapAsync("d", "b");
        Assert.Equal(("partial", cancelled), (bitmap.GetProperty("baseState").GetString(), bitmap.GetProperty("base").GetString()));
        await AssertDirtyAsync(world, isKilled, 3, 9);
        var point = await world.AbkAsync("point", "show", cancelled);
        Assert.Equal(("partial", 0), (point.GetProperty("state").GetString(), point.GetProperty("missing").GetArrayLength()));

        // The point of the next one is of its own instant.
        var finalized = (await world.AbkAsync(backup)).GetProperty("id").GetString()!;
        var dirty = (await PendingAsync(world, finalized, isKilled)).GetProperty("bytesTotal").GetInt64();
        Assert.InRange(dirty, 2 * Image.BlockBytes, isKilled ? DiskBytes : 2 * Image.BlockBytes);
        File.Copy(image, world.PathOf("instant.raw"));
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([7], 0x22);
        }

        await world.AbkAsync("job", "finalize", finalized);
        var end = await world.EndOfAsync(finalized);
        Assert.Equal(("success", dirty), (end.GetProperty("outcome").GetString(), end.GetProperty("bytesDone").GetInt64()));
        await AssertDirtyAsync(world, isKilled, 7);
        Assert.Equal("valid", (await world.BitmapAsync("d", "b")).GetProperty("baseState").GetString());
        await world.RestoreAsync(finalized, world.PathOf("restored.raw"));
        Image.AssertEqual(world.PathOf("instant.raw"), world.PathOf("restored.raw"));

        // By force: as if it had never run.
        var forced = (await world.AbkAsync(backup)).GetProperty("id").GetString()!;
        await PendingAsync(world, forced, isKilled);
        await world.AbkAsync("job", "cancel", forced, "--force");
        Assert.Equal("cancelled", (await world.EndOfAsync(forced)).GetProperty("outcome").GetString());
        await AssertDirtyAsync(world, isKilled, 7);
        Assert.Equal(finalized, (await world.BitmapAsync("d", "b")).GetProperty("base").GetString());
    }

    [Fact]
    public async Task A_pending_job_of_a_repository_that_is_away_waits_on()
    {
        await using var world = await World.StartAsync();
        await PrepareAsync(world);
        var job = (await world.AbkAsync("backup", "d", "--sync", "full", "--no-auto-finalize")).GetProperty("id").GetString()!;
        await PendingAsync(world, job, isKilled: true);
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));

        Assert.NotEqual(0, (await world.RunAsync("job", "finalize", job)).ExitCode);
        Assert.Equal("pending", (await world.JobAsync(job)).GetProperty("status").GetString());
        await world.RefusedAsync(11, "job", "disk", "remove", "d");

        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        await world.AbkAsync("job", "finalize", job);
        Assert.Equal("success", (await world.EndOfAsync(job)).GetProperty("outcome").GetString());
        Assert.Equal("complete", (await world.AbkAsync("point", "show", job)).GetProperty("state").GetString());
    }

    /// <summary>Every block of the disk is dirty.</summary>
    private static async Task<string> PrepareAsync(World world)
    {
        var image = await world.AddDiskAsync("d", p => Image.Dense(p, DiskBytes, seed: 100));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "b");
        await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--wait");
        await using var guest = await Guest.ConnectAsync(world.Node, "d");
        await guest.FillAsync(Enumerable.Range(0, (int)(DiskBytes / Image.BlockBytes)).Select(b => (long)b), 0x33);
        return image;
    }

    /// <summary>After a kill every block of a region with an intent counts as written, too.</summary>
    private static async Task AssertDirtyAsync(World world, bool isKilled, params long[] blocks)
    {
        var dirty = (await world.ExtentsAsync("d", "b"))
            .SelectMany(e => Enumerable.Range(0, (int)(e.Length / Image.BlockBytes)).Select(i => (e.Offset / Image.BlockBytes) + i)).ToHashSet();
        if (isKilled)
        {
            Assert.Superset(blocks.ToHashSet(), dirty);
        }
        else
        {
            Assert.Equal(blocks.ToHashSet(), dirty);
        }
    }

    private static async Task<JsonElement> PendingAsync(World world, string job, bool isKilled = false)
    {
        var pending = await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("status").GetString() == "pending", "the job to be pending");
        if (!isKilled)
        {
            return pending;
        }

        await world.Node.KillAsync();
        await world.StartNodeAsync();
        var after = await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("status").GetString() == "pending", "the job to be pending again");
        Assert.True(after.GetProperty("needsPerson").GetBoolean());
        Assert.Equal(pending.GetProperty("bytesDone").GetInt64(), after.GetProperty("bytesDone").GetInt64());
        return after;
    }

    /// <summary>At a rate at which half of it is durable only after the first checkpoint, so that there is a pair by then.</summary>
    private static async Task<string> FailAsync(World world, string policy, bool isKilled)
    {
        var job = (await world.AbkAsync("backup", "d", "--sync", "bitmap", "--bitmap", "b", "--policy", policy, "--rate", "4M", "--no-auto-finalize"))
            .GetProperty("id").GetString()!;
        await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("bytesDone").GetInt64() > DiskBytes / 2, "half of the backup");
        Directory.Move(world.PathOf("main"), world.PathOf("main.away"));
        await PendingAsync(world, job, isKilled);
        Directory.Move(world.PathOf("main.away"), world.PathOf("main"));
        return job;
    }
}
