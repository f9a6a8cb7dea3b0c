using ActorBackup.Core.Blocks;
using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Reads a tracking file: newest superblock, catalogue, sets, intents. What cannot be trusted becomes inconsistent with the reason.</summary>
internal static class TrackingFileOpening
{
    public static (TrackingFile File, SetTable Sets) Open(IFileLayer files, string path, TrackingGuards? guards = null)
    {
        IFile? file = null;
        try
        {
            file = files.Open(path, FileOpening.ReadWrite);
            return Read(file, guards ?? TrackingGuards.On);
        }
        catch (FileLayerException e)
        {
            file?.Dispose();
            throw Failures.ToVolume(e, $"The tracking file {path} cannot be opened", "If it is lost, create a new one; every bitmap starts inconsistent.");
        }
        catch (VolumeException)
        {
            file?.Dispose();
            throw;
        }
    }

    public static DiskDefinition ReadDefinition(IFileLayer files, string path)
    {
        try
        {
            using var file = files.Open(path, FileOpening.ReadOnly);
            var (superblock, _) = ReadSuperblock(file);
            return ReadCatalogue(file, superblock, []).Definition;
        }
        catch (FileLayerException e)
        {
            throw Failures.ToVolume(e, $"The tracking file {path} cannot be read", "Check the path and its permissions.");
        }
    }

    /// <summary>Regions whose intent is set. An intent page that cannot be read counts as all set.</summary>
    public static IEnumerable<int> ReadIntents(TrackingFile tracking)
    {
        var page = new byte[TrackingFormat.PageBytes];
        try
        {
            if (tracking.File.Read(TrackingFormat.OffsetOf(TrackingFormat.IntentPage), page) < page.Length)
            {
                Array.Fill(page, byte.MaxValue);
            }
        }
        catch (FileLayerException)
        {
            Array.Fill(page, byte.MaxValue);
        }

        return Enumerable.Range(0, tracking.Current.RegionCount).Where(r => (page[r >> 3] & (1 << (r & 7))) != 0);
    }

    private static (TrackingFile File, SetTable Sets) Read(IFile file, TrackingGuards guards)
    {
        var (superblock, slotDamaged) = ReadSuperblock(file);
        var tracking = new TrackingFile(file, superblock);
        var catalogue = ReadCatalogue(file, superblock, tracking.CataloguePages);
        if (!tracking.CataloguePages.TrueForAll(tracking.Space.TryUse))
        {
            throw Damaged(file.Path, "its catalogue uses a page twice");
        }

        var sets = new SetTable(catalogue.Definition);
        foreach (var root in catalogue.Roots)
        {
            sets.SetRoot(root.Job, root.Root);
        }

        var damaged = catalogue.Sets.Where(s => !TryLoad(tracking, sets, s)).ToList();
        damaged.ForEach(s => Distrust(sets, s, $"a page of its {s.Role.ToString().ToLowerInvariant()} set in the tracking file is damaged"));
        if (!slotDamaged)
        {
            sets.SetSuspended(catalogue.Suspended);
        }
        else
        {
            sets.MarkAllInconsistent("a superblock of the tracking file is damaged, so the newest checkpoint may be lost");
            if (guards.KeepPagesOfDamagedSuperblock)
            {
                // It may be good again at the next opening, if it could only not be read; then it is the newest.
                tracking.UncertainPages.AddRange(tracking.Space.UseAll());
            }
        }

        return (tracking, sets);
    }

    private static (Superblock Newest, bool SlotDamaged) ReadSuperblock(IFile file)
    {
        var slots = new List<Superblock>();
        var bytes = new byte[Superblock.SizeBytes];
        for (var slot = 0u; slot < TrackingFormat.SlotCount; slot++)
        {
            if (TryReadSlot(file, slot, bytes) is { } superblock)
            {
                slots.Add(superblock);
            }
        }

        var newest = slots.MaxBy(s => s.Sequence) ?? throw Damaged(file.Path, "it has no superblock");
        return newest.RegionCount is > 0 and <= TrackingFormat.MaxRegions
            ? (newest, slots.Count < TrackingFormat.SlotCount)
            : throw Damaged(file.Path, $"it has {newest.RegionCount} regions");
    }

    private static Superblock? TryReadSlot(IFile file, uint slot, byte[] bytes)
    {
        try
        {
            return file.Read(TrackingFormat.OffsetOf(slot), bytes) == bytes.Length ? Superblock.TryDecode(bytes) : null;
        }
        catch (FileLayerException e) when (e.Error == FileError.InputOutput)
        {
            return null;
        }
    }

    private static Catalogue ReadCatalogue(IFile file, Superblock superblock, List<uint> pages)
    {
        var bytes = PageChain.TryRead(file, superblock.CataloguePage, superblock.CatalogueBytes, pages);
        return bytes is not null && TrackingFormat.Checksum(bytes) == superblock.CatalogueChecksum
            ? CatalogueCodec.Decode(bytes)
            : throw Damaged(file.Path, "its catalogue's checksum is wrong");
    }

    private static VolumeException Damaged(string path, string how) =>
        new(VolumeError.Damaged, $"The tracking file {path} cannot be used: {how}. Move it away and create a new one; every bitmap starts inconsistent.");

    /// <summary>Adds the set. False if a page is not what was stored.</summary>
    private static bool TryLoad(TrackingFile tracking, SetTable sets, CatalogueSet stored)
    {
        var geometry = new BlockGeometry(sets.Definition.SizeBytes, stored.GranularityBytes);
        var set = new TrackedSet(stored.Id, stored.Role, geometry)
        {
            ParentId = stored.ParentId,
            Job = stored.Job,
            IsRecording = stored.IsRecording,
            InconsistentReason = stored.InconsistentReason,
        };
        sets.Add(set);
        if (stored.Pages.Length != set.Pages.Length)
        {
            set.MarkAllPagesDirty();
            return false;
        }

        var buffer = new byte[TrackingFormat.PageBytes];
        var good = true;
        for (var page = 0; page < stored.Pages.Length; page++)
        {
            good &= TryLoadPage(tracking, set, page, stored.Pages[page], buffer);
        }

        return good;
    }

    private static bool TryLoadPage(TrackingFile tracking, TrackedSet set, int page, StoredPage stored, byte[] buffer)
    {
        switch (stored.Number)
        {
            case TrackingFormat.ZeroPage:
                return true;
            case TrackingFormat.OnesPage:
                Array.Fill(buffer, byte.MaxValue);
                break;
            case var number when !tracking.Space.TryUse(number) || !TryReadPage(tracking.File, stored, buffer):
                // The number stays out of the table, so that a page that somebody else owns is never freed.
                set.PageDirty[page] = true;
                return false;
            default:
                break;
        }

        set.Pages[page] = stored;
        set.Bits.UnionWords(page * TrackingFormat.WordsPerPage, buffer);
        return true;
    }

    private static bool TryReadPage(IFile file, StoredPage stored, byte[] buffer)
    {
        try
        {
            return file.Read(TrackingFormat.OffsetOf(stored.Number), buffer) == buffer.Length && TrackingFormat.Checksum(buffer) == stored.Checksum;
        }
        catch (FileLayerException)
        {
            return false;
        }
    }

    /// <summary>A damaged successor or copy hurts itself and the bitmaps that it would have become part of.</summary>
    private static void Distrust(SetTable sets, CatalogueSet damaged, string reason)
    {
        foreach (var set in sets.All.Where(s => IsDamaged(s) || (s.Role == SetRole.Bitmap && IsHurt(s))))
        {
            sets.MarkInconsistent(set, reason);
        }

        bool IsDamaged(TrackedSet s) => s.Role == damaged.Role && s.Id == damaged.Id && s.Job == damaged.Job;

        bool IsHurt(TrackedSet bitmap) =>
            damaged.Role switch
            {
                SetRole.Successor => bitmap.Id == damaged.ParentId,
                SetRole.Copy => bitmap.Job == damaged.Job,
                _ => false,
            };
    }
}
