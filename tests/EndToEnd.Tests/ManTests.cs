using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

public sealed class ManTests
{
    [ToolFact("groff")]
    public async Task Groff_sets_the_manual_page_without_a_warning()
    {
        var page = await CommandLine.RunAsync(new Dictionary<string, string>(), "/", "man");
        Assert.Equal(0, page.ExitCode);

        var set = await Tool.RunAsync("groff", ["-man", "-ww", "-Tutf8"], input: page.Out);

        Assert.True(set is { ExitCode: 0, Error: "" }, set.ToString());
        Assert.Contains("abk point verify", set.Out, StringComparison.Ordinal);
        Assert.Contains("--against-disk", set.Out, StringComparison.Ordinal);
    }
}
