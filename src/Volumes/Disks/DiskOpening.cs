using ActorBackup.Volumes.Backings;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Disks;

/// <summary>What an opening must find out before anybody trusts a bitmap.</summary>
internal static class DiskOpening
{
    /// <summary>Is it the tracking file that the journal knows, and the backing that it left (rules 4 and 5)? If not, bitmaps become inconsistent.</summary>
    /// <returns>Whether both are certainly as an orderly stop left them.</returns>
    /// <exception cref="VolumeException">The backing has another size.</exception>
    public static bool Check(TrackingFile file, SetTable sets, IBacking backing, TrackingExpectation? expected, TrackingGuards guards)
    {
        if (backing.SizeBytes != sets.Definition.SizeBytes && !sets.Definition.IsResizing)
        {
            throw new VolumeException(
                VolumeError.BadSize,
                $"The backing {backing.Path} has {backing.SizeBytes} bytes, and disk {sets.Definition.Id} has {sets.Definition.SizeBytes}: "
                + "it was resized or replaced. Bring the old size back, or remove the disk and add it again.");
        }

        expected = guards.CheckGeneration ? expected : null;
        var isKnown = expected is not null;
        if (WhyNotExpected(file, expected) is { } why)
        {
            isKnown = false;
            sets.MarkAllInconsistent(why);
        }

        CheckModification(file, sets, backing);
        return isKnown && IsAsLeft(file.Current, backing);
    }

    /// <summary>Does what a resize did not come to.</summary>
    public static void EndResizing(TrackingFile file, SetTable sets, IBacking backing)
    {
        if (sets.Definition.IsResizing)
        {
            try
            {
                // A process that was killed may have left "resizing" in the page cache only.
                file.File.Sync();
                backing.Resize(sets.Definition.SizeBytes);
            }
            catch (Files.FileLayerException e)
            {
                throw Failures.ToVolume(e, $"The backing {backing.Path} cannot get the size of disk {sets.Definition.Id}", "Correct that, then start the disk.");
            }

            sets.EndResizing();
        }
    }

    private static string? WhyNotExpected(TrackingFile file, TrackingExpectation? expected) =>
        expected is not { } known ? null
        : known.FileId != file.Current.FileId ? "the tracking file is not the one that the journal knows: it was replaced"
        : file.Current.Generation < known.Generation
            ? $"the tracking file is older than the journal: generation {file.Current.Generation} instead of {known.Generation}; it was restored from a copy"
        : file.Current.Stamp != known.Stamp && file.Current.Stamp != known.NextStamp
            ? "the tracking file and the journal database are of different times: one of them was restored from a copy"
        : null;

    /// <summary>Of a backing that keeps no time, the operator has said that nobody else writes to it.</summary>
    private static bool IsAsLeft(Superblock current, IBacking backing) =>
        current.IsClean && (backing.ModifiedAt is not { } modified || modified.UtcTicks == current.BackingModifiedTicks);

    /// <summary>An older version left no time in an unclean file; devices and servers keep none.</summary>
    private static void CheckModification(TrackingFile file, SetTable sets, IBacking backing)
    {
        var (current, last) = (file.Current, file.Current.BackingModifiedTicks);
        if (last == 0 || backing.ModifiedAt is not { } modified)
        {
            return;
        }

        if (current.IsClean && modified.UtcTicks != last)
        {
            sets.MarkAllInconsistent("the backing was changed while no node served it");
        }
        else if (!current.IsClean && sets.All.Any(s => s.IsRecording))
        {
            // Where nothing recorded, writes needed no lease, and nothing counts from any of them.
            var known = Math.Max(last, Heartbeat.LastKnown(file.File, current.Generation));
            if (modified.UtcTicks > known)
            {
                sets.MarkAllInconsistent(
                    $"the backing was changed at {modified.UtcDateTime:u}, and the node that stopped without order had served it until {new DateTime(known, DateTimeKind.Utc):u} at the latest");
            }
        }
    }

    /// <summary>After a crash: every block of a region with an intent may have been written, and its bits may be lost.</summary>
    public static void ApplyIntents(TrackingFile file, SetTable sets, TrackingGuards guards)
    {
        if (file.Current.IsClean)
        {
            return;
        }

        var size = sets.Definition.SizeBytes;
        var regions = guards.OnlyIntentRegions ? TrackingFileOpening.ReadIntents(file) : Enumerable.Range(0, file.Current.RegionCount);
        foreach (var region in regions)
        {
            var offset = region * file.Current.RegionBytes;
            var length = Math.Min(file.Current.RegionBytes, size - offset);
            foreach (var set in sets.All.Where(s => s.IsRecording))
            {
                set.Bits.MarkBytes(offset, length);
                set.MarkPagesDirty(offset, length);
            }
        }
    }
}
