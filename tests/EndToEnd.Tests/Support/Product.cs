using System.Reflection;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>Where the built programs are.</summary>
internal static class Product
{
    public static string NodeDll { get; } = Of("NodeDll");

    public static string CliDll { get; } = Of("CliDll");

    public static string Root { get; } = Of("Root");

    private static string Of(string key) =>
        Path.GetFullPath(typeof(Product).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!);
}
