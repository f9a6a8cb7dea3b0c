using System.CommandLine;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Tests;

/// <summary>What the shells' scripts are told when they ask.</summary>
public sealed class CompletionTests
{
    private static readonly RootCommand Root =
        AbkCommand.Create(new CliHost { Out = TextWriter.Null, Error = TextWriter.Null, WorkingDirectory = "/" });

    [Fact]
    public async Task Every_command_is_suggested()
    {
        await CheckAsync("abk", Root);

        static async Task CheckAsync(string path, Command command)
        {
            var suggested = await SuggestAsync(path + " ");
            Assert.All(command.Subcommands, c => Assert.Contains(c.Name, suggested));
            foreach (var group in command.Subcommands.Where(c => c.Subcommands.Count > 0))
            {
                await CheckAsync($"{path} {group.Name}", group);
            }
        }
    }

    [Fact]
    public async Task Every_flag_is_suggested_by_its_command()
    {
        foreach (var (path, command) in ManPage.VerbsOf(Root, "abk"))
        {
            var suggested = await SuggestAsync(path + " --");
            Assert.All(command.Options.Concat(Root.Options.Where(o => o.Recursive)), o => Assert.True(suggested.Contains(o.Name), $"{path} does not suggest {o.Name}"));
        }
    }

    private static async Task<IReadOnlyList<string>> SuggestAsync(string line) => (await Run.AbkAsync($"[suggest:{line.Length}]", line)).OutLines;
}
