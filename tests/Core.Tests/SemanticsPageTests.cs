using System.Text.RegularExpressions;

namespace ActorBackup.Core.Tests;

/// <summary>docs/SEMANTICS.md names the test that holds each fact: a test that was renamed or removed must not be claimed.</summary>
public sealed partial class SemanticsPageTests
{
    [Fact]
    public void Every_test_that_the_page_names_is_there()
    {
        var page = File.ReadAllText(Path.Combine(SourceTree.Root, "docs", "SEMANTICS.md"));
        var tests = string.Join('\n', Directory
            .EnumerateFiles(Path.Combine(SourceTree.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal))
            .Select(File.ReadAllText));
        var named = TestName().Matches(page).Select(m => m.Groups[1].Value).Distinct().ToList();

        Assert.True(named.Count > 40, $"Only {named.Count} tests are named.");
        Assert.All(named, name => Assert.Contains($" {name}(", tests));
    }

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)`")]
    private static partial Regex TestName();
}
