using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Messages;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Actors.Disks;

/// <summary>Where a disk's tracking file lies: in the directory that was named, else beside a regular file, else with the node's data; never under /dev.</summary>
/// <param name="files">Where backings and tracking files are.</param>
/// <param name="nodeDirectory">For disks that have no file to lie beside.</param>
public sealed class TrackingPlace(IFileLayer files, string nodeDirectory)
{
    private const string Suffix = ".abktrack";

    /// <summary>Of the files that are gone after the next boot.</summary>
    private const string DeviceRoot = "/dev/";

    /// <exception cref="RefusedException">The directory is none, or under /dev.</exception>
    public string PathFor(DiskId id, string backing, string? journalDirectory)
    {
        if (journalDirectory is not null)
        {
            return Path.Combine(Checked(Path.GetFullPath(journalDirectory)), id.Value + Suffix);
        }

        if (!Backing.IsNbd(backing) && files.KindOf(backing) == FileKind.File && !IsUnderDev(Path.GetDirectoryName(backing)!))
        {
            return backing + Suffix;
        }

        files.CreateDirectory(nodeDirectory);
        return Path.Combine(nodeDirectory, id.Value + Suffix);
    }

    private static bool IsUnderDev(string directory) => (RealPath(directory) + "/").StartsWith(DeviceRoot, StringComparison.Ordinal);

    /// <summary>A link anywhere on the way may lead under /dev.</summary>
    private static string RealPath(string directory)
    {
        var real = "/";
        foreach (var part in directory.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(real, part);
            real = new DirectoryInfo(next).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? next;
        }

        return real;
    }

    private string Checked(string directory)
    {
        switch (files.KindOf(directory))
        {
            case FileKind.Missing:
                throw new RefusedException(new Refusal(RefusalCode.MissingFile, $"{directory} does not exist; --journal names an existing directory for the tracking file"));
            case not FileKind.Directory:
                throw new RefusedException(new Refusal(
                    RefusalCode.NotADirectory, $"{directory} is a file and not a directory; --journal names the directory in which the tracking file is to be, not the file itself"));
        }

        return IsUnderDev(directory)
            ? throw new RefusedException(new Refusal(
                RefusalCode.InvalidArgument, $"{directory} is under /dev, where files do not outlive the machine; name a directory on a disk with --journal DIR"))
            : directory;
    }
}
