using ActorBackup.Files;

namespace ActorBackup.Volumes.Backings;

/// <summary>The byte locks by which QEMU keeps two programs off one image, so that QEMU and we refuse each other in either order (rule 6).</summary>
/// <remarks>
/// Permission i is held by a shared lock on byte 100 + i; that nobody else may have it, by one on byte 200 + i. Whoever opens the image first places its
/// locks and then looks whether others hold bytes that contradict: their 200 + i against a permission that it holds, their 100 + i against one
/// that it does not share. Of two that come at once at least one sees the other. QEMU holds and honours these on files and devices
/// (image.locking), on open file descriptions, so a second opening in the same process conflicts as well.
/// </remarks>
internal static class ImageLocks
{
    private const int HeldBase = 100;
    private const int UnsharedBase = 200;

    private const int ConsistentRead = 0;
    private const int Write = 1;
    private const int Resize = 3;

    /// <summary>A program that somebody here starts has all our open files until it runs, so the locks of one that we have just closed may be there for a moment.</summary>
    private const int LooksMax = 6;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(20);

    private static readonly int[] OfReader = [ConsistentRead];
    private static readonly int[] OfWriter = [ConsistentRead, Write, Resize];

    // Who reads for a backup, too, cannot have others write.
    private static readonly int[] Unshared = [Write, Resize];

    /// <summary>Takes the locks for as long as the file is open.</summary>
    /// <exception cref="VolumeException">Somebody else uses the image in a way that does not go with this.</exception>
    /// <exception cref="FileLayerException">The file system cannot lock.</exception>
    public static void Take(IFile file, bool readOnly)
    {
        var held = readOnly ? OfReader : OfWriter;
        try
        {
            Array.ForEach(held, p => file.LockShared(HeldBase + p));
            Array.ForEach(Unshared, p => file.LockShared(UnsharedBase + p));
        }
        catch (FileLayerException e) when (e.Error == FileError.Busy)
        {
            throw InUse(file, "locks it");
        }

        if (StayLocked(file, HeldBase, Unshared))
        {
            throw InUse(file, "has it open for writing");
        }

        if (StayLocked(file, UnsharedBase, held))
        {
            throw InUse(file, readOnly ? "does not share it" : "has it open and does not let others write");
        }
    }

    private static bool StayLocked(IFile file, int first, int[] permissions)
    {
        for (var look = 1; Array.Exists(permissions, p => file.IsLockedElsewhere(first + p)); look++)
        {
            if (look == LooksMax)
            {
                return true;
            }

            Thread.Sleep(BetweenLooks);
        }

        return false;
    }

    private static VolumeException InUse(IFile file, string how) =>
        new(
            VolumeError.InUse,
            $"The backing {file.Path} is in use: another program (QEMU, qemu-nbd, or a disk of this or another node) {how}. "
            + "Stop that program or disk first, then try again.");
}
