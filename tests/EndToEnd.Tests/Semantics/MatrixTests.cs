using System.Text.Json.Nodes;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Semantics;

/// <summary>
/// Every sync mode and policy × every ending × bitmaps finer than, as fine as and coarser than a block, for real against a node: the bits that are left, the
/// outcome, the partial point, and that the next backup restores to the disk (docs/SEMANTICS.md).
/// </summary>
public sealed class MatrixTests(MatrixWorld world) : IClassFixture<MatrixWorld>
{
    private static readonly ParallelOptions Width = new() { MaxDegreeOfParallelism = 6 };

    [ToolFact("nbdkit")]
    public Task Success() => EachAsync("ok", async cell =>
    {
        var job = await world.StartAsync(Order(cell, noAutoFinalize: true));
        await PendingAsync(job);
        await MeanwhileAsync(cell);
        await world.VerbAsync(job, "finalize");
        Assert.Equal("success", await world.OutcomeAsync(job));
        await AssertBitsAsync(cell, succeeded: true, leavesAsIfNeverRun: false, left: Cell.Blocks);
    });

    [ToolFact("nbdkit")]
    public Task A_source_error() => BrokenAsync("src", async cell =>
    {
        var job = await world.StartAsync(Order(cell, noAutoFinalize: true));
        await PendingAsync(job);
        await MeanwhileAsync(cell);
        await world.VerbAsync(job, "finalize");
        Assert.Equal("failed", await world.OutcomeAsync(job));
        await AssertBitsAsync(cell, succeeded: false, leavesAsIfNeverRun: false, left: Cell.FirstData);
        await AssertPartialAsync(cell, job, keeps: cell.Policy == "always");
    });

    [MountFact]
    public async Task A_target_error()
    {
        var mount = await world.FullRepositoryAsync("full");
        var cells = Cell.All("dst").ToList();
        await Parallel.ForEachAsync(cells, Width, async (cell, _) => await world.AddDiskAsync(cell, "full"));
        await FillAsync(Path.Combine(mount, "filler"));
        await Parallel.ForEachAsync(cells, Width, async (cell, _) =>
        {
            var job = await world.StartAsync(Order(cell, noAutoFinalize: true, repo: "full"));
            await PendingAsync(job);
            await MeanwhileAsync(cell);
            await world.VerbAsync(job, "finalize");
            Assert.Equal("failed", await world.OutcomeAsync(job));

            // Nothing became durable, so everything is left.
            await AssertBitsAsync(cell, succeeded: false, leavesAsIfNeverRun: true, left: 0);
        });
        File.Delete(Path.Combine(mount, "filler"));
        await Parallel.ForEachAsync(cells, Width, async (cell, _) => await world.AssertNextIsWholeAsync(cell));
    }

    [ToolFact("nbdkit")]
    public Task A_cancel() => BrokenAsync("can", async cell =>
    {
        var job = await world.StartAsync(Order(cell, onSourceError: "stop"));
        await StoppedAsync(job);
        await MeanwhileAsync(cell);
        await world.VerbAsync(job, "cancel");
        Assert.Equal("cancelled", await world.OutcomeAsync(job));
        await AssertBitsAsync(cell, succeeded: false, leavesAsIfNeverRun: false, left: Cell.FirstData);
        await AssertPartialAsync(cell, job, keeps: cell.Policy == "always");
    });

    [ToolFact("nbdkit")]
    public Task A_forced_cancel() => BrokenAsync("for", async cell =>
    {
        var job = await world.StartAsync(Order(cell, onSourceError: "stop"));
        await StoppedAsync(job);
        await MeanwhileAsync(cell);
        await world.VerbAsync(job, "cancel", new { force = true });
        Assert.Equal("cancelled", await world.OutcomeAsync(job));
        await AssertBitsAsync(cell, succeeded: false, leavesAsIfNeverRun: true, left: 0);
        await AssertPartialAsync(cell, job, keeps: false);
    });

    [ToolFact("nbdkit")]
    public Task A_cancel_while_pending() => EachAsync("pen", async cell =>
    {
        var job = await world.StartAsync(Order(cell, noAutoFinalize: true));
        await PendingAsync(job);
        await MeanwhileAsync(cell);
        await world.VerbAsync(job, "cancel");
        Assert.Equal("cancelled", await world.OutcomeAsync(job));
        await AssertBitsAsync(cell, succeeded: false, leavesAsIfNeverRun: false, left: Cell.Blocks);
        await AssertPartialAsync(cell, job, keeps: cell.Policy == "always");
    });

    [ToolFact("nbdkit")]
    public Task A_peer_that_fails() => WithPeersAsync("pfa", "failed", async (peer, _) =>
    {
        // It has read one block and waits for its rate; the next read fails.
        await world.VerbAsync(peer, "rate", new { bytesPerSecond = 0 });
        Assert.Equal("failed", await world.OutcomeAsync(peer));
    }, breaks: true);

    [ToolFact("nbdkit")]
    public Task A_peer_that_is_cancelled() => WithPeersAsync("pca", "cancelled", async (peer, _) =>
    {
        await world.VerbAsync(peer, "cancel");
        Assert.Equal("cancelled", await world.OutcomeAsync(peer));
    }, breaks: false);

    [ToolFact("nbdkit")]
    public async Task A_node_that_is_killed()
    {
        var cells = Cell.All("die").ToList();
        await Parallel.ForEachAsync(cells, Width, async (cell, _) => await world.AddDiskAsync(cell));
        await world.BreakSourcesAsync();
        var jobs = new Dictionary<Cell, string>();
        foreach (var cell in cells)
        {
            jobs[cell] = await world.StartAsync(Order(cell, onSourceError: "stop"));
        }

        foreach (var cell in cells)
        {
            await StoppedAsync(jobs[cell]);
            await MeanwhileAsync(cell);
        }

        await world.KillNodeAsync();
        world.MendSources();
        await world.StartNodeAsync();
        await Parallel.ForEachAsync(cells, Width, async (cell, _) =>
        {
            Assert.Equal("interrupted", await world.OutcomeAsync(jobs[cell]));

            // The disk is one region of write-intents, so all of it may be dirty; too little it must not be.
            var least = cell.Expected(succeeded: false, leavesAsIfNeverRun: false, Cell.FirstData);
            var dirty = await world.DirtyAsync(cell);
            Assert.True(least.IsSubsetOf(dirty), $"{cell}: expected at least {string.Join(' ', least)}, found {string.Join(' ', dirty)}; {await world.JobAsync(jobs[cell])}");
            await world.AssertNextIsWholeAsync(cell);
        });
    }

    private static object Order(Cell cell, bool noAutoFinalize = false, string onSourceError = "report", string repo = "main") =>
        new
        {
            disk = cell.Disk,
            repo,
            sync = cell.Sync,
            bitmap = "b",
            policy = cell.Sync == "incremental" ? null : cell.Policy,
            workers = 1,
            noAutoFinalize,
            onSourceError,
        };

    private static async Task FillAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        var bytes = new byte[4096];
        try
        {
            while (true)
            {
                await file.WriteAsync(bytes);
            }
        }
        catch (IOException)
        {
            // It is full, which was wanted.
        }
    }

    private async Task EachAsync(string prefix, Func<Cell, Task> live)
    {
        var cells = Cell.All(prefix).ToList();
        await Parallel.ForEachAsync(cells, Width, async (cell, _) =>
        {
            await world.AddDiskAsync(cell);
            await live(cell);
            await world.AssertNextIsWholeAsync(cell);
        });
    }

    /// <summary>While no source can be read: holes are copied all the same.</summary>
    private async Task BrokenAsync(string prefix, Func<Cell, Task> live)
    {
        var cells = Cell.All(prefix).ToList();
        await Parallel.ForEachAsync(cells, Width, async (cell, _) => await world.AddDiskAsync(cell));
        await world.BreakSourcesAsync();
        try
        {
            await Parallel.ForEachAsync(cells, Width, async (cell, _) => await live(cell));
        }
        finally
        {
            world.MendSources();
        }

        await Parallel.ForEachAsync(cells, Width, async (cell, _) => await world.AssertNextIsWholeAsync(cell));
    }

    /// <summary>Each cell has copied everything and waits for a peer of its own, which does not succeed.</summary>
    private async Task WithPeersAsync(string prefix, string outcome, Func<string, Cell, Task> end, bool breaks)
    {
        var cells = Cell.All(prefix).ToList();
        var groups = new Dictionary<Cell, JsonNode>();
        foreach (var cell in cells)
        {
            var peer = cell with { Disk = cell.Disk + "-peer", Sync = "full", Policy = "conditional" };
            await world.AddDiskAsync(cell);
            await world.AddDiskAsync(peer);
            groups[cell] = await world.StartGroupAsync(
                Order(cell), new { disk = peer.Disk, repo = "main", sync = "full", bitmap = "b", policy = "conditional", workers = 1, rate = 1 });
            await world.UntilAsync(JobOf(groups[cell], cell.Disk), j => j["status"]!.GetValue<string>() == "waiting", "waiting");
            await MeanwhileAsync(cell);
        }

        if (breaks)
        {
            await world.BreakSourcesAsync();
        }

        await Parallel.ForEachAsync(cells, Width, async (cell, _) =>
        {
            var job = JobOf(groups[cell], cell.Disk);
            await end(JobOf(groups[cell], cell.Disk + "-peer"), cell);
            Assert.Equal("cancelled", await world.OutcomeAsync(job));
            await AssertBitsAsync(cell, succeeded: false, leavesAsIfNeverRun: false, left: Cell.Blocks);
            await AssertPartialAsync(cell, job, keeps: cell.Policy == "always");
            var group = await Patience.UntilAsync(
                () => world.GroupAsync(groups[cell]["id"]!.GetValue<string>()), g => g["status"]!.GetValue<string>() == "concluded", "the group's end");
            Assert.Equal(outcome, group["outcome"]!.GetValue<string>());
        });
        world.MendSources();
        await Parallel.ForEachAsync(cells, Width, async (cell, _) => await world.AssertNextIsWholeAsync(cell));
    }

    private static string JobOf(JsonNode group, string disk) =>
        group["members"]!.AsArray().Single(m => m!["disk"]!.GetValue<string>() == disk)!["job"]!.GetValue<string>();

    private Task MeanwhileAsync(Cell cell) => world.WriteAsync(cell.Disk, Cell.Meanwhile, 0x57);

    private Task PendingAsync(string job) => world.UntilAsync(job, j => j["status"]!.GetValue<string>() == "pending", "pending");

    private Task StoppedAsync(string job) => world.UntilAsync(job, j => j["needsPerson"]!.GetValue<bool>(), "a stop");

    private async Task AssertBitsAsync(Cell cell, bool succeeded, bool leavesAsIfNeverRun, int left)
    {
        var expected = cell.Expected(succeeded, leavesAsIfNeverRun, left);
        var dirty = await world.DirtyAsync(cell);
        Assert.True(expected.SetEquals(dirty), $"{cell}: expected {string.Join(' ', expected)}, found {string.Join(' ', dirty)}");
    }

    private async Task AssertPartialAsync(Cell cell, string job, bool keeps)
    {
        var point = (await world.JobAsync(job))["point"]?.GetValue<string>();
        Assert.True(keeps == point is not null, $"{cell}: point {point}");
        if (point is not null)
        {
            Assert.Equal("partial", (await world.PointAsync(point))["state"]!.GetValue<string>());
        }
    }
}
