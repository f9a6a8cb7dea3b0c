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

    /// <summary>Deletes what earlier incarnations of the disk left behind. Call it before the first snapshot; a missing directory is no error.</summary>
    public static void DeleteLeftovers(IFileLayer files, string directory, DiskId disk)
    {
        if (files.KindOf(directory) != FileKind.Directory)
        {
            return;
        }

        foreach (var path in files.List(directory).Where(p => IsScratchOf(Path.GetFileName(p), disk)))
        {
            files.Delete(path);
        }
    }

    /// <summary>The length tells disk "a" with its dot from disk "a.b".</summary>
    private static bool IsScratchOf(string name, DiskId disk) =>
        name.Length == disk.Value.Length + 1 + SortableId.Length + Suffix.Length
        && name.StartsWith(disk.Value + ".", StringComparison.Ordinal)
        && name.EndsWith(Suffix, StringComparison.Ordinal);
}
