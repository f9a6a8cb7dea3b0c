using System.Text.Json;
using ActorBackup.Api;

namespace ActorBackup.Cli.Tests;

public sealed class JobEventWatchTests
{
    [Fact]
    public async Task A_lost_connection_is_resumed_behind_the_last_event_and_every_line_is_an_object()
    {
        await using var node = Streaming(
            State("a", Resources.Job()) + Progress(Resources.Job() with { BytesDone = 700_000 }),
            State("b", Resources.Job("paused")) + State("c", Resources.Job()),
            "",
            State("d", Resources.Job("concluded", "success") with { BytesDone = 1 << 20 }));
        var run = await Run.AgainstAsync(node, "job", "watch", "01k2", "-o", "json");

        Assert.Equal(ExitCodes.Done, run.Exit);
        Assert.Equal(["running", "running", "paused", "running", "concluded"], run.OutLines.Select(l => JsonDocument.Parse(l).RootElement.GetProperty("status").GetString()));
        Assert.Equal([null, "a", "c", "c"], node.Requests.Select(r => AfterOf(r.Path)));
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task A_line_that_was_cut_off_is_not_seen_and_comes_again()
    {
        var paused = State("b", Resources.Job("paused"));
        await using var node = Streaming(State("a", Resources.Job()) + paused[..^3], paused + State("c", Resources.Job("concluded", "success")));
        var run = await Run.AgainstAsync(node, "job", "watch", "01k2", "-o", "json");
        Assert.Equal(["running", "paused", "concluded"], run.OutLines.Select(l => JsonDocument.Parse(l).RootElement.GetProperty("status").GetString()));
        Assert.Equal("a", AfterOf(node.Requests.Last().Path));
    }

    [Fact]
    public async Task A_node_that_is_starting_again_is_waited_for()
    {
        var asked = 0;
        await using var node = new StubNode(_ => Interlocked.Increment(ref asked) switch
        {
            1 => new StubReply(200, State("a", Resources.Job())),
            2 => Resources.Refusal(ErrorCodes.NotReady),
            _ => new StubReply(200, State("b", Resources.Job("concluded", "cancelled"))),
        });
        Assert.Equal(ExitCodes.Cancelled, (await Run.AgainstAsync(node, "job", "watch", "01k2")).Exit);
    }

    [Fact]
    public async Task The_job_that_does_its_work_again_is_followed_from_its_beginning()
    {
        var failed = Resources.Job("concluded", "failed") with { Restarts = 1, Error = "read failed" };
        await using var node = Streaming(
            State("a", Resources.Job()) + State("b", failed with { RestartDue = true }) + State("c", failed with { RetriedAs = "01k3" }),
            State("x", Resources.Job() with { Id = "01k3" }) + State("y", Resources.Job("concluded", "success") with { Id = "01k3" }));
        var run = await Run.AgainstAsync(node, "job", "watch", "01k2", "-o", "json");
        Assert.Equal(ExitCodes.Done, run.Exit);
        Assert.Equal(["01k2", "01k2", "01k2", "01k2", "01k3", "01k3"], run.OutLines.Select(l => JsonDocument.Parse(l).RootElement.GetProperty("id").GetString()).Prepend("01k2"));
        Assert.Equal((null, "/v1/jobs/01k3/events"), (AfterOf(node.Requests.Last().Path), node.Requests.Last().Path.Split('?')[0]));
    }

    [Theory]
    [InlineData("pending", null, ExitCodes.PersonNeeded)]
    [InlineData("concluded", "failed", ExitCodes.Failed)]
    [InlineData("concluded", "interrupted", ExitCodes.Failed)]
    public async Task It_exits_with_the_jobs_result(string status, string? outcome, int exitCode)
    {
        await using var node = Streaming(State("a", Resources.Job(status, outcome) with { NeedsPerson = status == "pending" }));
        Assert.Equal(exitCode, (await Run.AgainstAsync(node, "job", "watch", "01k2")).Exit);
    }

    [Fact]
    public async Task What_is_no_event_of_a_job_is_a_failure_and_not_waited_for()
    {
        await using var node = Streaming("event: state\ndata: {\"id\": 7\n\n");
        var run = await Run.AgainstAsync(node, "job", "watch", "01k2");
        Assert.Equal(ExitCodes.Failed, run.Exit);
        Assert.Contains("same version", Assert.Single(run.ErrorLines));
    }

    [Fact]
    public async Task A_node_that_never_answered_is_unreachable()
    {
        var (held, endpoint) = Run.NobodyListens();
        using (held)
        {
            Assert.Equal(ExitCodes.Unreachable, (await Run.AbkAsync("job", "watch", "01k2", "--endpoint", endpoint)).Exit);
        }
    }

    [Fact]
    public async Task Ctrl_c_leaves_the_job_alone()
    {
        using var interrupt = new CancellationTokenSource();
        await using var node = new StubNode(_ =>
        {
            interrupt.Cancel();
            return new StubReply(200, State("a", Resources.Job()));
        });
        var run = await Run.WithAsync(new() { ["ACTORBACKUP_ENDPOINT"] = node.Endpoint }, ["job", "watch", "01k2"], interrupted: interrupt.Token);
        Assert.Equal(ExitCodes.Interrupted, run.Exit);
        Assert.DoesNotContain(node.Requests, r => r.Method != "GET");
    }

    private static string State(string id, JobResource job) => $"id: {id}\nevent: state\ndata: {Json(job)}\n\n";

    private static string Progress(JobResource job) => $"event: progress\ndata: {Json(job)}\n\n";

    private static string Json(JobResource job) => JsonSerializer.Serialize(job, ApiJson.Default.JobResource);

    private static string? AfterOf(string path) =>
        path.Split('?', '&').Where(p => p.StartsWith("after=", StringComparison.Ordinal)).Select(p => p["after=".Length..]).SingleOrDefault();

    /// <summary>Answers connection after connection with these streams, each of which ends as if it had been lost. The bitmap is not asked for.</summary>
    private static StubNode Streaming(params string[] streams)
    {
        var next = -1;
        return new StubNode(r => r.Path.Contains("/events", StringComparison.Ordinal)
            ? new StubReply(200, streams[Math.Min(Interlocked.Increment(ref next), streams.Length - 1)])
            : Resources.Refusal(ErrorCodes.UnknownBitmap));
    }
}
