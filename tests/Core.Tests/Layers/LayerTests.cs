using System.Xml.Linq;

namespace ActorBackup.Core.Tests.Layers;

/// <summary>Who may know whom (docs/DESIGN.md, section Layers). A new project needs a row, and a reason in docs/adr.</summary>
public sealed class LayerTests
{
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        ["Core"] = [],
        ["Files"] = [],
        ["Api"] = [],
        ["Messages"] = ["Core"],
        ["Domain"] = ["Messages", "Core"],
        ["Nbd"] = ["Core"],
        ["Volumes"] = ["Core", "Files", "Nbd"],
        ["Storage"] = ["Core", "Files"],
        ["Actors"] = ["Domain", "Volumes", "Storage", "Messages", "Core", "Files", "Nbd"],
        ["Node"] = ["Actors", "Api", "Domain", "Volumes", "Storage", "Messages", "Core", "Files", "Nbd"],
        // Nbd and the words of its interface are for the guest that the demo plays; everything else goes through the API.
        ["Cli"] = ["Api", "Nbd", "Core"],
        ["Lighthouse"] = [],
    };

    private static readonly string[] MayUseAkka = ["Actors", "Node", "Lighthouse"];

    public static TheoryData<string> Projects => [.. SourceProject.Source.Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_knows_only_the_layers_below_it(string name)
    {
        Assert.True(MayKnow.ContainsKey(name), $"src/{name} is not in the table of layers.");
        Assert.Empty(SourceProject.Of(name).Reach().Except(MayKnow[name]));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Akka_stays_where_actors_are(string name)
    {
        var project = SourceProject.Of(name);
        if (!MayUseAkka.Contains(name))
        {
            Assert.DoesNotContain(project.Packages, p => p.StartsWith("Akka", StringComparison.OrdinalIgnoreCase));
            Assert.Empty(project.Reach().Intersect(MayUseAkka));
        }
    }

    [Fact]
    public void Every_row_of_the_table_is_a_project() => Assert.Empty(MayKnow.Keys.Except(SourceProject.Source.Select(p => p.Name)));

    [Fact]
    public void Nothing_references_a_test_project() =>
        Assert.Empty(SourceProject.Source.Concat(SourceProject.Tests)
            .Where(p => p.Projects.Any(r => SourceProject.Tests.Any(t => t.Name == r && t.Name != "Testing")))
            .Select(p => p.Name));

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(SourceTree.At("ActorBackup.sln")).Replace('\\', '/');

        Assert.All(
            SourceProject.Source.Concat(SourceProject.Tests).Select(p => Path.GetRelativePath(SourceTree.Root, p.Path)),
            path => Assert.Contains($"\"{path}\"", solution, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_package_that_a_project_names_has_a_central_version()
    {
        var named = SourceProject.Source.Concat(SourceProject.Tests).SelectMany(p => p.Packages).Distinct();

        Assert.Empty(named.Except(CentralPackages()));
    }

    /// <summary>Until there is a README the check says so in the list of skipped tests.</summary>
    [ReadmeFact]
    public void Every_package_is_named_in_the_README()
    {
        var readme = File.ReadAllText(SourceTree.At("README.md"));

        // Other central versions only pin what these bring along.
        Assert.All(
            SourceProject.Source.Concat(SourceProject.Tests).SelectMany(p => p.Packages).Distinct(),
            package => Assert.Contains(package, readme, StringComparison.Ordinal));
    }

    private static IEnumerable<string> CentralPackages() =>
        XDocument.Load(SourceTree.At("Directory.Packages.props")).Descendants()
            .Where(e => e.Name.LocalName == "PackageVersion")
            .Select(e => e.Attribute("Include")!.Value);

    private sealed class ReadmeFactAttribute : FactAttribute
    {
        public ReadmeFactAttribute()
        {
            if (!File.Exists(SourceTree.At("README.md")))
            {
                Skip = "there is no README.md yet";
            }
        }
    }
}
