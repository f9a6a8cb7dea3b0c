using ActorBackup.Core.Blocks;
using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Makes a tracking file without sets.</summary>
internal static class TrackingFileCreation
{
    /// <summary>The file appears under its name only when it is complete and durable, or not at all.</summary>
    /// <exception cref="VolumeException">The file exists, or cannot be written.</exception>
    public static void Create(IFileLayer files, string path, DiskDefinition definition, TrackingFileId id)
    {
        CheckDefinition(definition);
        var temporary = path + ".new";
        try
        {
            // Left over from a creation that a crash interrupted.
            files.Delete(temporary);
            using (var file = files.Open(temporary, FileOpening.CreateNew))
            {
                Fill(file, definition, id);
            }

            files.Link(temporary, path);
            files.Delete(temporary);
            files.SyncDirectory(Path.GetDirectoryName(path) is { Length: > 0 } directory ? directory : ".");
        }
        catch (FileLayerException e)
        {
            TryDelete(files, temporary);
            throw Failures.ToVolume(e, $"The tracking file {path} cannot be created", "Check the directory, its permissions and its free space.");
        }
    }

    /// <summary>What a failure left would only take room; it goes with the next try at the latest.</summary>
    public static void TryDelete(IFileLayer files, string temporary)
    {
        try
        {
            files.Delete(temporary);
        }
        catch (FileLayerException)
        {
            // The failure itself is reported.
        }
    }

    private static void CheckDefinition(DiskDefinition definition)
    {
        if (!Granularity.IsValidForDisk(definition.BlockBytes) || definition.SizeBytes <= 0 || definition.SizeBytes % Granularity.SectorBytes != 0)
        {
            throw new VolumeException(
                VolumeError.Invalid,
                $"Disk {definition.Id} cannot have {definition.SizeBytes} bytes in blocks of {definition.BlockBytes}: the size is a positive multiple of "
                + $"{Granularity.SectorBytes}, the block a power of two from {Granularity.DiskMinBytes} to {Granularity.DiskMaxBytes}.");
        }
    }

    private static void Fill(IFile file, DiskDefinition definition, TrackingFileId id)
    {
        var bytes = CatalogueCodec.Encode(new Catalogue(definition, [], []));
        file.Allocate(0, TrackingFormat.OffsetOf(TrackingFormat.FirstStorePage));
        file.Write(0, new byte[TrackingFormat.OffsetOf(TrackingFormat.FirstStorePage)]);
        var regionBytes = TrackingFormat.RegionBytesFor(definition.SizeBytes);
        var superblock = new Superblock
        {
            FileId = id,
            Generation = 0,
            Sequence = 1,
            IsClean = true,
            RegionBytes = regionBytes,
            RegionCount = (int)((definition.SizeBytes + regionBytes - 1) / regionBytes),
            CataloguePage = TrackingFormat.FirstStorePage,
            CatalogueBytes = bytes.Length,
            CatalogueChecksum = TrackingFormat.Checksum(bytes),
            BackingModifiedTicks = 0,
        };
        var tracking = new TrackingFile(file, superblock);
        tracking.Reserve(0, 0);
        var pages = Enumerable.Range(0, PageSpace.ChainPagesFor(bytes.Length)).Select(_ => tracking.Space.Take()).ToList();
        PageChain.Write(file, pages, bytes);

        // Both slots from the start: a slot that cannot be read is always damage, never merely unwritten.
        tracking.WriteSuperblock(superblock);
        tracking.WriteSuperblock(superblock with { Sequence = 2 });
        file.Sync();
    }
}
