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
            [.. Includes("ProjectReference", IsCompiledAgainst).Select(p => System.IO.Path.GetFileNameWithoutExtension(p.Replace('\\', '/')))],
            [.. Includes("PackageReference", _ => true)]);

        IEnumerable<string> Includes(string element, Func<XElement, bool> counts) =>
            items.Where(i => i.Name.LocalName == element && counts(i)).Select(i => i.Attribute("Include")!.Value);
    }

    /// <summary>A reference without the assembly only orders the build: a program that a test starts as a process.</summary>
    private static bool IsCompiledAgainst(XElement reference) => reference.Attribute("ReferenceOutputAssembly")?.Value != "false";
}
