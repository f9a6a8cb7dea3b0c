using ActorBackup.Core.Identity;
using ActorBackup.Files;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>Where snapshots put kept blocks that do not fit into memory.</summary>
public static class ScratchDirectory
{
    private const string Suffix = ".scratch";
    private const long ReserveBytesMax = 1L << 30;

    /// <summary>What a scratch file may take of so much free space: the journal lies on the same file system and must not run out of it.</summary>
    public static long LimitBytes(long freeBytes) => freeBytes - Math.Min(freeBytes / 4, ReserveBytesMax);

    public static string PathFor(string directory, DiskId disk, JobId job) => Path.Combine(directory, $"{disk}.{job}{Suffix}");

    /// <summary>Deletes what earlier incarnations of the disk left behind. Call it when the disk is open and before its first job; a missing directory is no error.</summary>
    /// <param name="files">Where the directory is.</param>
    /// <param name="directory">Of scratch files.</param>
    /// <param name="disk">Whose.</param>
    /// <param name="suspended">Jobs whose scratch is in use again (rule 17).</param>
    public static void DeleteLeftovers(IFileLayer files, string directory, DiskId disk, IReadOnlyCollection<JobId> suspended)
    {
        var used = suspended.Select(j => Path.GetFileName(PathFor(directory, disk, j))).ToHashSet(StringComparer.Ordinal);
        if (files.KindOf(directory) != FileKind.Directory)
        {
            return;
        }

        foreach (var path in files.List(directory))
        {
            var name = Path.GetFileName(path);
            if (IsScratchOf(name, disk) && !used.Contains(name))
            {
                files.Delete(path);
            }
        }
    }

    /// <summary>The length tells disk "a" with its dot from disk "a.b".</summary>
    private static bool IsScratchOf(string name, DiskId disk) =>
        name.Length == disk.Value.Length + 1 + SortableId.Length + Suffix.Length
        && name.StartsWith(disk.Value + ".", StringComparison.Ordinal)
        && name.EndsWith(Suffix, StringComparison.Ordinal);
}
