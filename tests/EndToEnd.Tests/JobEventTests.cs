using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Who watches a job sees each change of it once, whatever becomes of the connection and of the node.</summary>
public class JobEventTests
{
    private const int StreamsMax = 100;

    [Fact]
    public async Task Changes_while_the_connection_was_lost_are_all_told_once()
    {
        await using var world = await World.StartAsync();
        var job = await BeginAsync(world);
        await using var relay = new Relay(world.Node);
        var watching = WatchAsync(world, relay, job);
        await HasHeardAsync(relay);
        relay.Cut();
        await world.AbkAsync("job", "pause", job);
        await world.AbkAsync("job", "resume", job);
        await world.AbkAsync("job", "pause", job);
        await world.AbkAsync("job", "resume", job);
        var before = relay.Received;
        relay.ConnectTo(world.Node);
        await HasHeardAsync(relay, before);
        await world.AbkAsync("job", "set-rate", job, "0");

        var result = await watching;

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["running", "paused", "running", "paused", "running", "waiting", "concluded"], Statuses(result).Select(s => s.Status));
    }

    [Fact]
    public async Task A_node_that_is_killed_and_started_again_tells_on_from_there()
    {
        await using var world = await World.StartAsync();
        var job = await BeginAsync(world, "--restart", "1");
        await using var relay = new Relay(world.Node);
        var watching = WatchAsync(world, relay, job);
        await HasHeardAsync(relay);
        await world.Node.KillAsync();
        await world.StartNodeAsync();
        relay.ConnectTo(world.Node);

        var next = await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("retriedAs").ValueKind == JsonValueKind.String, "the job to be tried again");
        var again = next.GetProperty("retriedAs").GetString()!;
        await world.AbkAsync("job", "set-rate", again, "0");
        var result = await watching;

        Assert.Equal(0, result.ExitCode);
        var told = Statuses(result);
        Assert.Equal(told.Distinct(), told);
        Assert.Equal([job, again], told.Select(s => s.Job).Distinct());
        Assert.Equal(["running", "concluded"], told.Where(s => s.Job == job && s.Status != "aborting").Select(s => s.Status));
        Assert.Equal((again, "concluded"), told[^1]);
        var interrupted = Lines(result).Where(l => l.GetProperty("id").GetString() == job && l.GetProperty("outcome").ValueKind != JsonValueKind.Null).ToArray();
        Assert.All(interrupted, l => Assert.Equal("interrupted", l.GetProperty("outcome").GetString()));
        Assert.Equal(again, interrupted[^1].GetProperty("retriedAs").GetString());
    }

    [Fact]
    public async Task A_stop_in_order_is_no_change_and_no_watcher_holds_it_up()
    {
        await using var world = await World.StartAsync();
        var job = await BeginAsync(world);
        await using var relay = new Relay(world.Node);
        var watching = WatchAsync(world, relay, job);
        await HasHeardAsync(relay);
        Assert.Equal(0, await world.Node.StopAsync());
        Assert.DoesNotContain("shutdown", world.Node.Log, StringComparison.OrdinalIgnoreCase);
        await world.StartNodeAsync();
        relay.ConnectTo(world.Node);
        await Patience.UntilAsync(() => world.JobAsync(job), j => j.GetProperty("phase").GetString() == "copying", "the job to go on");
        await world.AbkAsync("job", "set-rate", job, "0");

        var result = await watching;

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["running", "waiting", "concluded"], Statuses(result).Select(s => s.Status));
    }

    [Fact]
    public async Task Readers_that_take_nothing_cost_a_place_and_nothing_else()
    {
        await using var world = await World.StartAsync();
        var job = await BeginAsync(world);
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < StreamsMax; i++)
            {
                sockets.Add(await OpenAsync(world, job));
            }

            await world.RefusedAsync(11, "watchers", "job", "watch", job);
            await world.AbkAsync("job", "pause", job);
            await world.AbkAsync("job", "resume", job);
            Assert.Equal("running", (await world.JobAsync(job)).GetProperty("status").GetString());
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }

        // Who has gone leaves its place.
        await world.AbkAsync("job", "set-rate", job, "0");
        Assert.Equal(0, (await Patience.UntilAsync(() => world.RunAsync("job", "watch", job), r => r.ExitCode != 11, "a place")).ExitCode);
    }

    [Fact]
    public async Task A_restore_is_watched_too()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Dense(p, 4 * Image.MiB, seed: 31));
        await world.CreateRepositoryAsync();
        var point = (await world.AbkAsync("backup", "d", "--wait")).GetProperty("point").GetString()!;
        var job = (await world.AbkAsync("point", "restore", point, "--to", world.PathOf("restored.raw"), "--rate", "64K")).GetProperty("id").GetString()!;
        await using var relay = new Relay(world.Node);
        var watching = WatchAsync(world, relay, job);
        await HasHeardAsync(relay);
        await world.AbkAsync("job", "pause", job);
        await world.AbkAsync("job", "resume", job);
        await world.AbkAsync("job", "set-rate", job, "0");
        var result = await watching;
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["running", "paused", "running", "concluded"], Statuses(result).Select(s => s.Status));
    }

    private static async Task<string> BeginAsync(World world, params string[] more)
    {
        await world.AddDiskAsync("d", p => Image.Dense(p, 4 * Image.MiB, seed: 30));
        await world.CreateRepositoryAsync();
        return (await world.AbkAsync(["backup", "d", "--sync", "full", "--rate", "64K", .. more])).GetProperty("id").GetString()!;
    }

    private static Task<ToolResult> WatchAsync(World world, Relay relay, string job) =>
        world.RunAsync("job", "watch", job, "-o", "json", "--endpoint", relay.Endpoint);

    /// <summary>An answer of a node has come through.</summary>
    private static Task HasHeardAsync(Relay relay, long before = 0) =>
        Patience.UntilAsync(() => Task.FromResult(relay.Received), received => received > before, "the watcher to hear of the job");

    private static IEnumerable<JsonElement> Lines(ToolResult result) =>
        result.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement);

    /// <summary>Without figures: a status that comes a second time was told twice.</summary>
    private static List<(string Job, string Status)> Statuses(ToolResult result)
    {
        var statuses = new List<(string, string)>();
        foreach (var line in Lines(result))
        {
            var status = (line.GetProperty("id").GetString()!, line.GetProperty("status").GetString()!);
            if (statuses.Count == 0 || statuses[^1] != status)
            {
                statuses.Add(status);
            }
        }

        return statuses;
    }

    private static async Task<Socket> OpenAsync(World world, string job)
    {
        var node = new Uri(world.Node.Endpoint);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, node.Port);
        var token = (await File.ReadAllTextAsync(Path.Combine(world.PathOf("data"), "token"))).Trim();
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer {token}\r\n\r\n"));

        // Its place is taken when the answer has begun.
        Assert.True(await socket.ReceiveAsync(new byte[1]) == 1);
        return socket;
    }
}
