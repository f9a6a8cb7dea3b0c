using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using ActorBackup.Api;
using ActorBackup.Cli;
using ActorBackup.Cli.Output;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.BadInput;

/// <summary>Bad input for every command: one clear line, a documented code, the documented exit code, and nothing changes.</summary>
public sealed class BadInputTests(BadInputWorld world) : IClassFixture<BadInputWorld>
{
    /// <summary>Commands that need no node, so that a dead one or a wrong token is none of their business.</summary>
    private static readonly string[] Alone = ["version", "node run", "completion", "man", "demo"];

    /// <summary>Commands whose names are all new ones: none can be unknown.</summary>
    private static readonly string[] NamesNothing = ["disk add", "repo create", "repo attach", "completion"];

    [Fact]
    public async Task What_is_refused_is_refused_in_one_line_and_changes_nothing() => await CheckAsync(BadCases.All);

    [Fact]
    public async Task What_does_not_parse_is_refused_by_every_command() => await CheckAsync(Verbs().SelectMany(v => Misuses(v.Path, v.Command)));

    [Fact]
    public async Task A_dead_node_and_a_wrong_token_are_reported_by_every_command()
    {
        var wrong = world.World.PathOf("text");
        var before = await world.StateAsync();
        foreach (var (path, command) in Verbs().Where(v => !Alone.Contains(v.Path)))
        {
            var line = string.Join(' ', CommandLineParser.SplitCommandLine(((Verb)command).Examples[0]).Skip(1));
            Check(new BadCase(ErrorCodes.Unreachable, "no node answers", line), await world.RunAsync($"-o json {line} --endpoint {world.DeadEndpoint}"));
            Check(new BadCase(ErrorCodes.Unauthorized, "refused the token", line), await world.RunAsync($"-o json {line} --token-file {wrong}"));
            Check(new BadCase(ErrorCodes.Unauthorized, "none was found", line), await world.RunAsync($"-o json {line}", ("ACTORBACKUP_TOKEN_FILE", null)));
        }

        Assert.Equal(before, await world.StateAsync());
    }

    [Fact]
    public void Every_command_has_a_case()
    {
        foreach (var (path, command) in Verbs().Where(v => v.Command.Arguments.Count + v.Command.Options.Count > 0))
        {
            var own = BadCases.All.Where(c => c.Line == path || c.Line.StartsWith(path + " ", StringComparison.Ordinal)).ToArray();
            Assert.True(own.Length > 0, $"No bad input is tested for 'abk {path}': add a line to BadCases.");
            Assert.True(
                command.Arguments.Count == 0 || NamesNothing.Contains(path) || own.Any(c => c.ExitCode == ExitCodes.Unknown),
                $"'abk {path}' is not tested with a name that does not exist: add a line to BadCases.");
        }

        Assert.Equal(
            [ExitCodes.Failed, ExitCodes.Usage, ExitCodes.Damaged, ExitCodes.PersonNeeded, ExitCodes.Unknown, ExitCodes.Busy, ExitCodes.NotAuthorised, ExitCodes.Unreachable],
            BadCases.All.Select(c => c.ExitCode).Distinct().Order());
    }

    /// <summary>Also what the library's parser, the process and its standard error make of it.</summary>
    [Theory]
    [InlineData(ExitCodes.Usage, "unknown flag", "disk list --frob")]
    [InlineData(ExitCodes.Unknown, "no disk 'nope'", "disk show nope")]
    [InlineData(ExitCodes.Busy, "job", "disk remove p")]
    [InlineData(ExitCodes.Failed, "already has a bitmap 'b'", "bitmap add d b")]
    [InlineData(ExitCodes.PersonNeeded, "waits to be finalized", "job wait {pending} -o yaml")]
    public async Task The_program_says_the_same(int exitCode, string says, string line) =>
        await world.World.RefusedAsync(exitCode, says, world.Words(line));

    [Fact]
    public async Task Status_lists_the_disk_whose_job_waits_for_a_person()
    {
        var status = await world.RunAsync("-o json status");
        Assert.Equal(ExitCodes.Warnings, status.ExitCode);
        var json = World.Json(status.Out);
        Assert.Equal(["p"], json.GetProperty("waiting").EnumerateArray().Select(d => d.GetString()));
        Assert.Equal(["e", "p", "s"], json.GetProperty("unprotected").EnumerateArray().Select(d => d.GetString()));
        Assert.Empty(json.GetProperty("failing").EnumerateArray());
    }

    [Fact]
    public async Task A_request_that_makes_no_sense_is_answered_with_a_code()
    {
        string[] needsBody =
        [
            Routes.Disks, $"{Routes.Disks}/d/resize", $"{Routes.Disks}/d/bitmaps", $"{Routes.Disks}/d/bitmaps/b/merge", Routes.Repositories, $"{Routes.Repositories}/attach",
            Routes.Backups, Routes.Groups, $"{Routes.Jobs}/{{pending}}/rate", $"{Routes.Jobs}/{{pending}}/policy",
        ];
        string[] mayHaveBody =
        [
            $"{Routes.Disks}/d/export", $"{Routes.Disks}/s/set", $"{Routes.Jobs}/{{pending}}/cancel", $"{Routes.Jobs}/{{pending}}/finalize", $"{Routes.Points}/{{point}}/export",
            $"{Routes.Points}/{{point}}/restore", $"{Routes.Points}/{{point}}/verify",
        ];
        var requests = needsBody.SelectMany(path => new[] { "", "{}", "null", "{\"id\":null,\"name\":null,\"url\":null,\"disk\":null,\"sources\":null}" }.Select(body => (path, body)))
            .Concat(needsBody.Concat(mayHaveBody).SelectMany(path => new[] { "{", "[]", "5", "\"x\"" }.Select(body => (path, body))))
            .Append(($"{Routes.Disks}/d/export", "{\"bitmaps\":[null]}"))
            .Append(($"{Routes.Disks}/d/bitmaps/b/merge", "{\"sources\":[null]}"))
            .Append((Routes.Groups, "{\"actions\":[null]}"))
            .Append((Routes.Groups, "{\"actions\":[{\"bitmapClear\":{}}]}"))
            .Append((Routes.Groups, "{\"actions\":[{\"backup\":{\"disk\":null}}]}"))
            .Append((Routes.Groups, "{\"actions\":[{\"bitmapMerge\":{\"disk\":\"d\",\"name\":\"b\",\"sources\":[null]}}]}"))
            .Append(($"{Routes.Jobs}/{{pending}}/finalize", "{\"decision\":\"perhaps\"}"))
            .Append(($"{Routes.Points}/{{point}}/restore", "{\"to\":\"relative.raw\"}"))
            .Append(($"{Routes.Disks}/d/nothing", "{}"))
            .Append(("/v1/nothing.txt", "{}"));
        var before = await world.StateAsync();
        foreach (var (path, body) in requests)
        {
            using var content = new StringContent(body, null, "application/json");
            using var reply = await world.Api.PostAsync(world.Words(path)[0], content);
            await CheckAsync(reply, $"POST {path} {body}");
        }

        using var text = new StringContent("{}", null, "text/plain");
        await CheckAsync(await world.Api.PostAsync(Routes.Disks, text), "POST text");
        await CheckAsync(await world.Api.PutAsync(Routes.Disks, null), "PUT");
        await CheckAsync(await world.Api.GetAsync($"{Routes.Jobs}?limit=many"), "GET");
        await CheckAsync(await world.Api.GetAsync(world.Words($"{Routes.Jobs}/{{pending}}/events?after=yesterday")[0]), "GET events");
        await CheckAsync(await world.Api.GetAsync(world.Words($"{Routes.Jobs}/{{pending}}/events?periodMs=often")[0]), "GET events");
        Assert.Equal(before, await world.StateAsync());

        static async Task CheckAsync(HttpResponseMessage reply, string request)
        {
            var answer = await reply.Content.ReadAsStringAsync();
            Assert.True(answer.StartsWith("{\"error\":{\"code\":\"", StringComparison.Ordinal), $"{request}: {reply.StatusCode} {answer}");
            Assert.True(World.Json(answer).GetProperty("error").GetProperty("code").GetString()!.StartsWith("invalid_", StringComparison.Ordinal), $"{request}: {answer}");
            Assert.Equal(400, (int)reply.StatusCode);
            Assert.DoesNotContain("Exception", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_bitmap_may_have_any_name()
    {
        foreach (var name in new[] { "a/b", "a%2Fb", "50%", "ü?&#+" })
        {
            foreach (var verb in new[] { "add", "disable", "clear", "extents", "remove" })
            {
                var result = await world.RunAsync($"-o json bitmap {verb} d {name}");
                Assert.True(result.ExitCode == 0, $"{verb} {name}: {result}");
            }
        }
    }

    [MountFact]
    public async Task A_full_disk_is_reported_and_the_same_command_succeeds_when_there_is_room()
    {
        var mount = await world.World.MountTmpfsAsync(BadInputWorld.Full, "8m");
        var fillerPath = Path.Combine(mount, "filler");
        await using (var filler = File.Create(fillerPath, bufferSize: 1))
        {
            await Assert.ThrowsAsync<IOException>(async () => await filler.WriteAsync(new byte[16 * Image.MiB]));
        }

        var restored = await world.RunAsync("point restore {point} --to {w}/full/out.raw --wait -o json");
        Assert.Equal(ExitCodes.Failed, restored.ExitCode);
        Assert.Contains("\"code\":\"no_space\"", restored.Error, StringComparison.Ordinal);
        Assert.Equal([fillerPath], Directory.EnumerateFileSystemEntries(mount));

        BadCase[] cases =
        [
            new(ErrorCodes.NoSpace, "No space left", "repo create r {w}/full/repo"),
            new(ErrorCodes.NoSpace, "No space left", "disk add n --file {w}/good.raw --journal {w}/full"),
        ];
        await CheckAsync(cases);
        Assert.Empty(Directory.GetFiles(mount, "*.abktrack*"));
        File.Delete(fillerPath);
        foreach (var line in cases.Select(c => c.Line).Concat(["disk remove n", "repo detach r"]))
        {
            var done = await world.RunAsync(line);
            Assert.True(done.ExitCode == 0, $"{line}: {done}");
        }
    }

    private async Task CheckAsync(IEnumerable<BadCase> cases)
    {
        var before = await world.StateAsync();
        var wrong = new List<string>();
        foreach (var bad in cases)
        {
            var result = await world.RunAsync("-o json " + bad.Line);
            try
            {
                Check(bad, result);
                Assert.Equal(before, await world.StateAsync());
            }
            catch (Xunit.Sdk.XunitException e)
            {
                wrong.Add($"{bad}: {e.Message}\n{result}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join("\n\n", wrong));
    }

    private void Check(BadCase bad, ToolResult result)
    {
        var lines = result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("abk: ", lines[0], StringComparison.Ordinal);
        using var json = JsonDocument.Parse(lines[1]);
        var error = json.RootElement.GetProperty("error");
        Assert.Equal("abk: " + error.GetProperty("message").GetString(), lines[0]);
        Assert.Equal((bad.ExitCode, bad.Code), (result.ExitCode, error.GetProperty("code").GetString()));
        Assert.Contains(bad.Code, ErrorCodes.Table.Keys);
        Assert.Contains(string.Join(' ', world.Words(bad.Says)), lines[0], StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("   at ", lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", lines[0], StringComparison.Ordinal);
    }

    /// <summary>What is wrong about the line alone, made from the command's definition.</summary>
    private static IEnumerable<BadCase> Misuses(string path, Command command)
    {
        var names = string.Concat(command.Arguments.Select(a => " a"));
        yield return Of("unknown flag '--frob'", $"{path}{names} --frob");
        if (command.Arguments.Count > 0)
        {
            yield return Of("--help'", path);
        }

        if (command.Arguments.All(a => a.Arity.MaximumNumberOfValues == 1))
        {
            yield return Of("unknown argument 'more'", $"{path}{names} more");
        }

        foreach (var option in command.Options.Where(o => o.Arity.MinimumNumberOfValues > 0))
        {
            var required = string.Concat(command.Options.Where(o => o.Required && o != option).Select(o => $" {o.Name} x"));
            yield return Of(option.Name, $"{path}{names}{required} {option.Name}");
            if (option.Arity.MaximumNumberOfValues == 1)
            {
                yield return Of(option.Name, $"{path}{names}{required} {option.Name} 1 {option.Name} 2");
            }
        }

        BadCase Of(string says, string line) => new(ErrorCodes.InvalidArgument, says, line);
    }

    private static IEnumerable<(string Path, Command Command)> Verbs()
    {
        var host = new CliHost { Out = TextWriter.Null, Error = TextWriter.Null, WorkingDirectory = "/" };
        return ManPage.VerbsOf(AbkCommand.Create(host), "").Select(v => (v.Path.TrimStart(), v.Command));
    }
}
