using System.Reflection;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>Where the built programs are.</summary>
internal static class Product
{
    /// <summary>The programs that <c>./abk</c> built, as <c>./test</c> says; without it those that belong to the tests' own build.</summary>
    private static readonly string? Shipped = Environment.GetEnvironmentVariable("ACTORBACKUP_PROGRAMS");

    public static string NodeDll { get; } = Program("node", "ActorBackup.Node.dll", "NodeDll");

    public static string CliDll { get; } = Program("cli", "ActorBackup.Cli.dll", "CliDll");

    public static string Root { get; } = Of("Root");

    private static string Program(string directory, string file, string key) => Shipped is null ? Of(key) : Path.Combine(Shipped, directory, file);

    private static string Of(string key) =>
        Path.GetFullPath(typeof(Product).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!);
}
