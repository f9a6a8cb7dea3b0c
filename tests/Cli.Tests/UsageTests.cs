using System.CommandLine;
using System.Text.Json;
using ActorBackup.Api;

namespace ActorBackup.Cli.Tests;

public sealed class UsageTests
{
    [Theory]
    [InlineData("frobnicate", "unknown command 'frobnicate'; see 'abk --help'")]
    [InlineData("disk lst", "unknown command 'lst', did you mean 'list'?; see 'abk disk --help'")]
    [InlineData("disk list --fast", "unknown flag '--fast'; see 'abk disk list --help'")]
    [InlineData("disk list extra", "unknown argument 'extra'; see 'abk disk list --help'")]
    [InlineData("disk list --endpont x", "unknown flag '--endpont', did you mean '--endpoint'?; see 'abk disk list --help'")]
    [InlineData("disk show --fast", "unknown flag '--fast'; see 'abk disk show --help'")]
    [InlineData("point delete p --dry-run", "unknown flag '--dry-run'; see 'abk point delete --help'")]
    [InlineData("bitmap merge d b c --endpont", "unknown flag '--endpont', did you mean '--endpoint'?; see 'abk bitmap merge --help'")]
    [InlineData("backup d --repo --wait", "--repo needs a value, and '--wait' is a flag; see 'abk backup --help'")]
    [InlineData("disk list -o xml", "unknown output 'xml'; use table, json or yaml; see 'abk disk list --help'")]
    public async Task What_is_unknown_is_refused_in_one_line(string line, string message)
    {
        var run = await Run.AbkAsync(line.Split(' '));
        Assert.Equal(ExitCodes.Usage, run.Exit);
        Assert.Equal("abk: " + message, Assert.Single(run.ErrorLines));
        Assert.Empty(run.Out);
    }

    [Theory]
    [InlineData("disk")]
    [InlineData("disk show")]
    [InlineData("backup")]
    [InlineData("disk add x")]
    [InlineData("disk add x --file a --nbd nbd://b/c")]
    [InlineData("disk add Xy --file a")]
    [InlineData("disk add x --file a --granularity 3K")]
    [InlineData("disk add x --file a --granularity 2K")]
    [InlineData("disk add x --file a --granularity 8M")]
    [InlineData("disk add x --file a --granularity big")]
    [InlineData("bitmap add d b --granularity 256")]
    [InlineData("bitmap add d b --granularity 4G")]
    [InlineData("bitmap add d b --trust")]
    [InlineData("bitmap add d b --base p --disabled")]
    [InlineData("bitmap add d b --base p --timeout soon")]
    [InlineData("bitmap extents d b --set all")]
    [InlineData("repo create Main /x")]
    [InlineData("repo create -x /x")]
    [InlineData("backup d --sync top")]
    [InlineData("backup d --sync bitmap")]
    [InlineData("backup d --sync incremental --bitmap b --policy always")]
    [InlineData("backup d --sync full --policy always")]
    [InlineData("backup d --bitmap b")]
    [InlineData("backup d --policy sometimes")]
    [InlineData("backup d --sync full --rate fast")]
    [InlineData("backup d --sync full --workers 0")]
    [InlineData("backup d --sync full --restart -1")]
    [InlineData("backup d --base other")]
    [InlineData("backup d --fallback half")]
    [InlineData("backup d --on-source-error panic")]
    [InlineData("backup d --wait --timeout soon")]
    [InlineData("job set-rate j 1Q")]
    [InlineData("job set-policy j maybe")]
    [InlineData("job finalize j --keep --discard")]
    [InlineData("point restore p")]
    [InlineData("point restore p --to a --to-disk b")]
    [InlineData("point verify p --percent 0")]
    [InlineData("point verify p --percent 101")]
    [InlineData("point export p --name A")]
    [InlineData("completion tcsh")]
    [InlineData("status --overdue-after never")]
    public async Task What_is_wrong_whatever_the_state_is_refused_without_a_node(string line)
    {
        var run = await Run.AbkAsync(line.Split(' '));
        Assert.Equal(ExitCodes.Usage, run.Exit);
        Assert.StartsWith("abk: ", Assert.Single(run.ErrorLines));
    }

    [Fact]
    public async Task Under_json_the_error_has_a_code_too()
    {
        var run = await Run.AbkAsync("backup", "d", "--sync", "bitmap", "-o", "json");
        Assert.Equal(2, run.ErrorLines.Count);
        using var json = JsonDocument.Parse(run.ErrorLines[1]);
        Assert.Equal(ErrorCodes.InvalidPolicy, json.RootElement.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(run.ErrorLines[0], "abk: " + json.RootElement.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public void Every_command_has_a_description_and_examples_that_parse()
    {
        var root = AbkCommand.Create(new CliHost { Out = TextWriter.Null, Error = TextWriter.Null, WorkingDirectory = "/" });
        foreach (var command in All(root))
        {
            Assert.False(string.IsNullOrWhiteSpace(command.Description), command.Name);
            Assert.All(command.Options.Concat<Symbol>(command.Arguments), s => Assert.False(string.IsNullOrWhiteSpace(s.Description), s.Name));
            foreach (var example in command is Verb verb ? verb.Examples : [])
            {
                var line = example.Replace("source <(./abk completion bash)", "abk completion bash", StringComparison.Ordinal).Split(" | ")[0].Split(" > ")[0];
                Assert.Empty(root.Parse(System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(line).Skip(1).ToArray()).Errors);
            }

            Assert.True(command.Subcommands.Count > 0 || command is Verb { Examples.Count: > 0 }, command.Name);
        }
    }

    [Fact]
    public async Task Help_calls_the_program_by_its_name_and_shows_examples()
    {
        var run = await Run.AbkAsync("backup", "--help");
        Assert.Equal(ExitCodes.Done, run.Exit);
        Assert.Contains("abk backup <DISK> [options]", run.Out);
        Assert.Contains("  abk backup db --wait", run.Out);
    }

    [Fact]
    public async Task Version_needs_no_node()
    {
        var run = await Run.AbkAsync("version", "-o", "json");
        Assert.Equal(ExitCodes.Done, run.Exit);
        using var json = JsonDocument.Parse(run.Out);
        Assert.Matches(@"^\d+\.\d+\.\d+$", json.RootElement.GetProperty("version").GetString());
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task A_completion_script_asks_abk_itself(string shell) =>
        Assert.Contains("[suggest:", (await Run.AbkAsync("completion", shell)).Out);

    [Fact]
    public async Task Abk_suggests_the_words_that_fit()
    {
        var run = await Run.AbkAsync("[suggest:15]", "abk backup --sy");
        Assert.Equal("--sync", Assert.Single(run.OutLines));
        Assert.Contains("bitmap", (await Run.AbkAsync("[suggest:18]", "abk backup --sync ")).OutLines);
    }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);
}
