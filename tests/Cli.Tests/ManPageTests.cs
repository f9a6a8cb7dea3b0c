using System.CommandLine;
using System.Reflection;
using ActorBackup.Api;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Tests;

public sealed class ManPageTests
{
    private static readonly RootCommand Root =
        AbkCommand.Create(new CliHost { Out = TextWriter.Null, Error = TextWriter.Null, WorkingDirectory = "/" });

    private static readonly string Page = ManPage.Of(Root);

    [Fact]
    public void Every_command_has_its_arguments_flags_and_examples_in_its_section()
    {
        var sections = Page.Split(".SS ").ToDictionary(s => s.Split('\n')[0]);
        foreach (var (path, command) in ManPage.VerbsOf(Root, "abk"))
        {
            var section = sections[$"\"{ManPage.Text(path)}\""];
            Assert.All(command.Arguments, a => Assert.Contains($".TP\n\\fI{ManPage.Text(a.Name)}\\fR\n{ManPage.Text(a.Description!)}\n", section));
            Assert.All(command.Options, o => Assert.Contains($"\\fB{ManPage.Text(o.Name)}\\fR", section));
            Assert.All(command.Options, o => Assert.Contains(ManPage.Text(o.Description!), section));
            Assert.All(((Verb)command).Examples, e => Assert.Contains(ManPage.Text(e), section));
        }
    }

    [Theory]
    [InlineData("--endpoint")]
    [InlineData("--token-file")]
    [InlineData("--output")]
    [InlineData("--help")]
    public void Flags_of_every_command_are_named_once(string flag) =>
        Assert.Equal(2, Page[Page.IndexOf(".SH OPTIONS", StringComparison.Ordinal)..Page.IndexOf(".SH COMMANDS", StringComparison.Ordinal)].Split($"{ManPage.Text(flag)}\\fR").Length);

    [Fact]
    public void Every_exit_code_is_explained_as_the_document_does()
    {
        var codes = typeof(ExitCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (int)f.GetRawConstantValue()!);
        Assert.Equal(codes.Order(), ExitText.All.Keys);
        Assert.All(ExitText.All, e => Assert.Contains($".TP\n\\fB{e.Key}\\fR\n", Page));

        var document = File.ReadAllLines(Path.Combine(SourceTree(), "docs", "CLI.md")).SkipWhile(l => l != "## Exit codes").TakeWhile(l => l != "## Running")
            .Where(l => l.StartsWith("| ", StringComparison.Ordinal) && char.IsAsciiDigit(l[2]))
            .Select(l => l.Split('|', StringSplitOptions.TrimEntries))
            .ToDictionary(c => int.Parse(c[1]), c => c[2]);
        Assert.Equal(document.OrderBy(d => d.Key), ExitText.All);
    }

    [Fact]
    public void Every_error_code_is_listed() => Assert.All(ErrorCodes.Table.Keys, code => Assert.Contains(code, Page));

    [Theory]
    [InlineData(".NET", "\\&.NET")]
    [InlineData("a 'b' --c\\d…", "a \\(aqb\\(aq \\-\\-c\\ed\\[u2026]")]
    public void Text_is_no_request_and_plain_ASCII(string text, string roff) => Assert.Equal(roff, ManPage.Text(text));

    private static string SourceTree()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "ActorBackup.sln")))
        {
            directory = directory.Parent!;
        }

        return directory.FullName;
    }
}
