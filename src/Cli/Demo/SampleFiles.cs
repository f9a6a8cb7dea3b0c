namespace ActorBackup.Cli.Demo;

/// <summary>Real files of this machine, so that the demo's disk has real content: text, binaries, and duplicates among them.</summary>
public static class SampleFiles
{
    private const long TotalBytesMost = 240L << 20;
    private const long FileBytesMost = 24L << 20;
    private const int FilesMost = 6000;

    /// <summary>Copies files into <paramref name="target"/> until there is enough.</summary>
    /// <returns>How much was copied.</returns>
    public static long Collect(string target)
    {
        long total = 0;
        var count = 0;
        foreach (var source in Sources().Where(Directory.Exists))
        {
            foreach (var file in FilesIn(source).Take(FilesMost / 3))
            {
                if (total >= TotalBytesMost || count >= FilesMost)
                {
                    return total;
                }

                if (file.Length is 0 or > FileBytesMost)
                {
                    continue;
                }

                var copy = Path.Combine(target, Path.GetFileName(source), Path.GetRelativePath(source, file.FullName));
                total += TryCopy(file, copy) ? file.Length : 0;
                count++;
            }
        }

        return total;
    }

    /// <summary>This program's own sources, documentation, and the .NET SDK that has to be here.</summary>
    private static IEnumerable<string> Sources()
    {
        yield return Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "src"));
        yield return "/usr/share/doc";
        yield return Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        yield return "/usr/lib";
        yield return "/usr/bin";
    }

    private static IEnumerable<FileInfo> FilesIn(string directory) =>
        new DirectoryInfo(directory).EnumerateFiles("*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            IgnoreInaccessible = true,
            AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Device,
        });

    private static bool TryCopy(FileInfo file, string copy)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            file.CopyTo(copy, overwrite: true);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Any other file is as good.
            return false;
        }
    }
}
