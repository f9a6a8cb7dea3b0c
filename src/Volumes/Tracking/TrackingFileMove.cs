using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Changes of a tracking file that nobody has open: where its backing is, and where it lies itself.</summary>
internal static class TrackingFileMove
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Names another backing. Sets, intents, generation and the clean mark stay as they are, so the next opening judges the new place by the old one's times.</summary>
    public static void SetBacking(IFileLayer files, string path, string backingPath)
    {
        var (tracking, sets) = TrackingFileOpening.Open(files, path);
        using (tracking)
        {
            sets.SetBacking(backingPath);
            var attempt = new CheckpointAttempt(tracking, sets, new TrackingHealth(tracking.File, _ => { }, TrackingGuards.On), s => s, TrackingGuards.On);
            attempt.WritePages([]);
            attempt.WriteCatalogue();
            attempt.WriteSuperblock();
        }
    }

    /// <summary>Copies it under another name, durably. The first one is still there.</summary>
    /// <exception cref="VolumeException">Something else has that name, or it cannot be written.</exception>
    public static void Copy(IFileLayer files, string from, string to)
    {
        var temporary = to + ".new";
        try
        {
            if (files.KindOf(to) != FileKind.Missing && !IsCopy(files, from, to))
            {
                throw new VolumeException(VolumeError.Exists, $"The tracking file cannot be moved: {to} exists. Name another directory, or delete that file if it is not in use.");
            }

            files.Delete(temporary);
            using (var source = files.Open(from, FileOpening.ReadOnly))
            using (var target = files.Open(temporary, FileOpening.CreateNew))
            {
                // Reserved, as it was: a checkpoint must never want room.
                target.Allocate(0, source.Length);
                var chunk = new byte[ChunkBytes];
                for (var offset = 0L; offset < source.Length; offset += ChunkBytes)
                {
                    target.Write(offset, chunk.AsSpan(0, source.Read(offset, chunk)));
                }

                target.Sync();
            }

            files.Replace(temporary, to);
            files.SyncDirectory(Path.GetDirectoryName(to)!);
        }
        catch (FileLayerException e)
        {
            TrackingFileCreation.TryDelete(files, temporary);
            throw Failures.ToVolume(e, $"The tracking file cannot be moved to {to}", "Check the directory, its permissions and its free space; nothing has changed.");
        }
    }

    /// <summary>Left by a move that was cut short.</summary>
    private static bool IsCopy(IFileLayer files, string from, string to)
    {
        try
        {
            var (one, _) = TrackingFileOpening.Open(files, from);
            using (one)
            {
                var (other, _) = TrackingFileOpening.Open(files, to);
                using (other)
                {
                    return one.Current.FileId == other.Current.FileId;
                }
            }
        }
        catch (VolumeException)
        {
            return false;
        }
    }
}
