using System.Runtime.CompilerServices;

namespace ActorBackup.Storage.Tests.Support;

/// <summary>Paths of the source tree, wherever the tests run from.</summary>
internal static class SourceTree
{
    public static string Golden { get; } = Path.Combine(Find(), "tests", "Storage.Tests", "Golden");

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
