using System.Xml.Linq;

namespace ActorBackup.Core.Tests.Layers;

/// <summary>A project file: what it references.</summary>
internal sealed record SourceProject(string Path, string Name, IReadOnlyList<string> Projects, IReadOnlyList<string> Packages)
{
    public static IReadOnlyList<SourceProject> Source { get; } = Under("src");

    public static IReadOnlyList<SourceProject> Tests { get; } = Under("tests");

    public static SourceProject Of(string name) => Source.Single(p => p.Name == name);

    /// <summary>Everything that is reached by references, without itself.</summary>
    public IReadOnlySet<string> Reach()
    {
        var reached = new HashSet<string>(Projects);
        foreach (var project in Projects)
        {
            reached.UnionWith(Of(project).Reach());
        }

        return reached;
    }

    private static SourceProject[] Under(string folder) =>
        [.. Directory.GetDirectories(SourceTree.At(folder))
            .SelectMany(d => Directory.GetFiles(d, "*.csproj"))
            .Order(StringComparer.Ordinal)
            .Select(Read)];

    private static SourceProject Read(string path)
    {
        var items = XDocument.Load(path).Descendants().ToArray();
        return new SourceProject(
            path,
            System.IO.Path.GetFileNameWithoutExtension(path),
            [.. Includes("ProjectReference").Select(p => System.IO.Path.GetFileNameWithoutExtension(p.Replace('\\', '/')))],
            [.. Includes("PackageReference")]);

        IEnumerable<string> Includes(string element) =>
            items.Where(i => i.Name.LocalName == element).Select(i => i.Attribute("Include")!.Value);
    }
}
