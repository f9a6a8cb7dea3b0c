using System.Text.Json;
using ActorBackup.Api;

namespace ActorBackup.Cli.Tests;

public sealed class JobWaitTests
{
    [Fact]
    public async Task Json_lines_end_with_the_job_as_it_ended()
    {
        await using var node = Answering(
            Resources.Job(), Resources.Job() with { BytesDone = 1 << 20 }, Resources.Job("concluded", "success") with { Point = "01k2" });
        var run = await Run.AgainstAsync(node, "backup", "db", "--wait", "-o", "json");
        Assert.Equal(ExitCodes.Done, run.Exit);
        var statuses = run.OutLines.Select(l => JsonDocument.Parse(l).RootElement.GetProperty("status").GetString());
        Assert.Equal(["running", "concluded"], statuses);
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task A_failed_job_says_why_and_how_to_go_on()
    {
        await using var node = Answering(Resources.Job("concluded", "failed") with { Error = "the disk is full", ErrorCode = ErrorCodes.NoSpace });
        var run = await Run.AgainstAsync(node, "job", "wait", "01k2");
        Assert.Equal(ExitCodes.Failed, run.Exit);
        Assert.Equal("abk: job 01k2 failed: the disk is full; 'abk job retry 01k2' backs up what is left", Assert.Single(run.ErrorLines));
    }

    [Fact]
    public async Task A_fallback_is_told()
    {
        await using var node = Answering(Resources.Job("concluded", "success") with { Sync = "full", FallbackReason = "no base" });
        var run = await Run.AgainstAsync(node, "job", "wait", "01k2");
        Assert.Equal(ExitCodes.Warnings, run.Exit);
        Assert.Contains("instead of bitmap: no base", Assert.Single(run.ErrorLines));
    }

    [Fact]
    public async Task A_job_that_needs_a_person_ends_the_wait()
    {
        await using var node = Answering(Resources.Job(), Resources.Job("pending") with { NeedsPerson = true });
        var run = await Run.AgainstAsync(node, "job", "wait", "01k2");
        Assert.Equal(ExitCodes.PersonNeeded, run.Exit);
        Assert.Contains("abk job finalize 01k2", run.ErrorLines[^1]);
    }

    [Fact]
    public async Task A_job_that_only_passes_through_pending_is_waited_for()
    {
        await using var node = Answering(Resources.Job("pending"), Resources.Job("concluded", "success"));
        Assert.Equal(ExitCodes.Done, (await Run.AgainstAsync(node, "job", "wait", "01k2")).Exit);
    }

    [Fact]
    public async Task A_job_that_stopped_on_an_error_ends_the_wait()
    {
        await using var node = Answering(Resources.Job("paused") with { Error = "no space" });
        Assert.Equal(ExitCodes.PersonNeeded, (await Run.AgainstAsync(node, "job", "wait", "01k2")).Exit);
    }

    [Fact]
    public async Task The_wait_ends_when_its_time_is_up()
    {
        await using var node = Answering(Resources.Job());
        var run = await Run.AgainstAsync(node, "job", "wait", "01k2", "--timeout", "0", "-o", "json");
        Assert.Equal(ExitCodes.TimedOut, run.Exit);
        Assert.Single(run.OutLines);
        Assert.Contains("timed_out", run.ErrorLines[1]);
    }

    [Fact]
    public async Task Ctrl_c_leaves_the_job_alone()
    {
        using var interrupt = new CancellationTokenSource();
        await using var node = new StubNode(_ =>
        {
            interrupt.Cancel();
            return Resources.Reply(Resources.Job());
        });
        var run = await Run.WithAsync(
            new() { ["ACTORBACKUP_ENDPOINT"] = node.Endpoint }, ["job", "wait", "01k2"], interrupted: interrupt.Token);
        Assert.Equal(ExitCodes.Interrupted, run.Exit);
        Assert.Contains("job 01k2 goes on", Assert.Single(run.ErrorLines));
        Assert.DoesNotContain(node.Requests, r => r.Method != "GET");
    }

    [Fact]
    public async Task A_verification_waits_by_itself_and_reports_damage()
    {
        await using var node = Answering(Resources.Job() with { Kind = "verify" }, Resources.Job("concluded", "failed") with
        {
            Kind = "verify", Error = "block 7 is damaged", BadExtents = [new(458752, 65536)],
        });
        var run = await Run.AgainstAsync(node, "point", "verify", "db@latest", "--full");
        Assert.Equal(ExitCodes.Damaged, run.Exit);
        Assert.Contains("/v1/points/db%40latest/verify", node.Requests.Select(r => r.Path));
    }

    [Fact]
    public async Task A_node_that_dies_meanwhile_is_unreachable()
    {
        var (held, endpoint) = Run.NobodyListens();
        using (held)
        {
            Assert.Equal(ExitCodes.Unreachable, (await Run.AbkAsync("job", "wait", "01k2", "--endpoint", endpoint)).Exit);
        }
    }

    /// <summary>Answers request after request with these jobs, the last one for ever.</summary>
    private static StubNode Answering(params JobResource[] jobs)
    {
        var next = -1;
        return new StubNode(_ => Resources.Reply(jobs[Math.Min(Interlocked.Increment(ref next), jobs.Length - 1)]));
    }
}
