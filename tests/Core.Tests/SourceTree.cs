using System.Runtime.CompilerServices;

namespace ActorBackup.Core.Tests;

/// <summary>Paths of the source tree, wherever the tests run from.</summary>
internal static class SourceTree
{
    public static string Root { get; } = Find();

    public static string Golden => Path.Combine(Root, "tests", "Core.Tests", "Golden");

    public static string At(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    private static string Find([CallerFilePath] string here = "")
    {
        foreach (var start in new[] { AppContext.BaseDirectory, Path.GetDirectoryName(here) })
        {
            for (var at = start; at is not null; at = Path.GetDirectoryName(at))
            {
                if (File.Exists(Path.Combine(at, "ActorBackup.sln")))
                {
                    return at;
                }
            }
        }

        throw new InvalidOperationException("ActorBackup.sln is not above the tests; run them from the source tree.");
    }
}
