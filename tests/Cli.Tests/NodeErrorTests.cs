using System.Text.Json;
using ActorBackup.Api;

namespace ActorBackup.Cli.Tests;

public sealed class NodeErrorTests
{
    [Fact]
    public async Task Nobody_listening_is_unreachable()
    {
        var (held, endpoint) = Run.NobodyListens();
        using (held)
        {
            var run = await Run.AbkAsync("disk", "list", "--endpoint", endpoint, "-o", "json");
            Assert.Equal(ExitCodes.Unreachable, run.Exit);
            Assert.Contains(endpoint, run.ErrorLines[0]);
            Assert.Equal(ErrorCodes.Unreachable, CodeIn(run.ErrorLines[1]));
            Assert.Empty(run.Out);
        }
    }

    [Theory]
    [InlineData(ErrorCodes.UnknownDisk, ExitCodes.Unknown)]
    [InlineData(ErrorCodes.Busy, ExitCodes.Busy)]
    [InlineData(ErrorCodes.NotReady, ExitCodes.Unreachable)]
    [InlineData(ErrorCodes.NoBase, ExitCodes.Failed)]
    [InlineData(ErrorCodes.InvalidPolicy, ExitCodes.Usage)]
    [InlineData(ErrorCodes.Damaged, ExitCodes.Damaged)]
    [InlineData("a_code_of_the_future", ExitCodes.Failed)]
    public async Task A_refusal_keeps_its_code_and_message(string code, int exit)
    {
        await using var node = new StubNode(_ => Resources.Refusal(code, "disk 'db': because"));
        var run = await Run.AgainstAsync(node, "disk", "show", "db", "-o", "json");
        Assert.Equal(exit, run.Exit);
        Assert.StartsWith("abk: disk 'db': because", run.ErrorLines[0]);
        Assert.Equal(code, CodeIn(run.ErrorLines[1]));
    }

    [Fact]
    public async Task A_refused_token_says_where_the_right_one_is()
    {
        await using var node = new StubNode(_ => Resources.Refusal(ErrorCodes.Unauthorized, "the token is missing or wrong"));
        var run = await Run.AgainstAsync(node, "disk", "list");
        Assert.Equal(ExitCodes.NotAuthorised, run.Exit);
        Assert.Contains("use --token-file DATA/token", Assert.Single(run.ErrorLines));
    }

    [Theory]
    [InlineData(401, ExitCodes.NotAuthorised)]
    [InlineData(404, ExitCodes.Failed)]
    [InlineData(503, ExitCodes.Unreachable)]
    [InlineData(500, ExitCodes.Failed)]
    public async Task A_bare_status_is_understood_too(int status, int exit)
    {
        await using var node = new StubNode(_ => new StubReply(status, "<html>"));
        var run = await Run.AgainstAsync(node, "disk", "list");
        Assert.Equal(exit, run.Exit);
        Assert.Single(run.ErrorLines);
    }

    [Fact]
    public async Task An_answer_that_is_no_json_is_one_line()
    {
        await using var node = new StubNode(_ => new StubReply(200, "<html>"));
        var run = await Run.AgainstAsync(node, "disk", "list");
        Assert.Equal(ExitCodes.Failed, run.Exit);
        Assert.Single(run.ErrorLines);
    }

    [Fact]
    public async Task The_token_is_sent()
    {
        await using var node = new StubNode(_ => new StubReply(200, "[]"));
        var run = await Run.AgainstAsync(node, "disk", "list", "-o", "json");
        Assert.Equal("[]", Assert.Single(run.OutLines));
        Assert.Equal("Bearer secret", Assert.Single(node.Requests).Authorization);
    }

    [Fact]
    public async Task Paths_are_made_absolute_here()
    {
        await using var node = new StubNode(_ => new StubReply(201, JsonSerializer.Serialize(Resources.Disk(), ApiJson.Default.DiskResource)));
        await Run.AgainstAsync(node, "disk", "add", "db", "--file", "vm/db.raw", "--granularity", "128K");
        using var body = JsonDocument.Parse(Assert.Single(node.Requests).Body);
        Assert.Equal("/work-dir/vm/db.raw", body.RootElement.GetProperty("file").GetString());
        Assert.Equal(131072, body.RootElement.GetProperty("granularity").GetInt64());
    }

    [Fact]
    public async Task Every_backup_flag_reaches_the_node()
    {
        await using var node = new StubNode(_ => Resources.Reply(Resources.Job()));
        var run = await Run.AgainstAsync(
            node, "backup", "db", "--repo", "main", "--sync", "bitmap", "--bitmap", "daily", "--policy", "on-success", "--base", "none", "--fallback", "full",
            "--rate", "10M/s", "--workers", "1", "--on-source-error", "ignore", "--on-target-error", "stop", "--on-cbw-error", "break-guest-write",
            "--cbw-timeout", "3", "--restart", "2", "--no-auto-finalize", "--no-auto-dismiss");
        Assert.Equal(ExitCodes.Done, run.Exit);
        var request = JsonSerializer.Deserialize(Assert.Single(node.Requests).Body, ApiJson.Default.BackupRequest);
        Assert.Equal(
            new BackupRequest("db")
            {
                Repo = "main", Sync = "bitmap", Bitmap = "daily", Policy = "conditional", Base = "none", Fallback = "full", Rate = 10 << 20, Workers = 1,
                OnSourceError = "ignore", OnTargetError = "stop", OnCbwError = "break-guest-write", CbwTimeout = 3, Restart = 2,
                NoAutoFinalize = true, NoAutoDismiss = true,
            },
            request);
    }

    [Theory]
    [InlineData("backup d --sync bitmap --bitmap b")]
    [InlineData("backup d --sync full --bitmap b --policy never")]
    [InlineData("backup d --sync none --bitmap b --policy always")]
    public async Task An_unknown_bitmap_is_reported_before_what_does_not_go_with_it(string line)
    {
        await using var node = new StubNode(_ => Resources.Refusal(ErrorCodes.UnknownBitmap, "disk 'd' has no bitmap 'b'"));
        Assert.Equal(ExitCodes.Unknown, (await Run.AgainstAsync(node, line.Split(' '))).Exit);
    }

    [Fact]
    public async Task Status_exits_with_3_when_a_disk_needs_attention()
    {
        await using var node = new StubNode(r => r.Path.StartsWith(Routes.Disks, StringComparison.Ordinal)
            ? new StubReply(200, JsonSerializer.Serialize([Resources.Disk()], ApiJson.Default.DiskResourceArray))
            : new StubReply(200, "[]"));
        var run = await Run.AgainstAsync(node, "status", "-o", "json");
        Assert.Equal(ExitCodes.Warnings, run.Exit);
        using var json = JsonDocument.Parse(run.Out);
        Assert.Equal("db", json.RootElement.GetProperty("unprotected")[0].GetString());
    }

    [Theory]
    [InlineData("disk list", "db")]
    [InlineData("disk show db", "reconnect-delay")]
    public async Task People_get_tables(string line, string part)
    {
        await using var node = new StubNode(r => new StubReply(200, r.Path == Routes.Disks
            ? JsonSerializer.Serialize([Resources.Disk()], ApiJson.Default.DiskResourceArray)
            : JsonSerializer.Serialize(Resources.Disk(), ApiJson.Default.DiskResource)));
        var run = await Run.AgainstAsync(node, line.Split(' '));
        Assert.Equal(ExitCodes.Done, run.Exit);
        Assert.Contains(part, run.Out);
        Assert.All(run.OutLines, l => Assert.Equal(l.TrimEnd(), l));
    }

    [Fact]
    public async Task Yaml_has_the_same_fields()
    {
        await using var node = new StubNode(_ => new StubReply(200, JsonSerializer.Serialize(Resources.Disk(), ApiJson.Default.DiskResource)));
        var run = await Run.AgainstAsync(node, "disk", "show", "db", "-o", "yaml");
        Assert.Contains("sizeBytes: 1073741824", run.OutLines);
        Assert.Contains("stateReason: null", run.OutLines);
    }

    private static string? CodeIn(string line)
    {
        using var json = JsonDocument.Parse(line);
        return json.RootElement.GetProperty("error").GetProperty("code").GetString();
    }
}
