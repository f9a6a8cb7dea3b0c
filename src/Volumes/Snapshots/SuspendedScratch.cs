using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>The scratch file of a suspended job, looked at by the next opening of its disk.</summary>
/// <remarks>Kept blocks have checksums of their own and are verified when they are read: an opening reads the index only, however much was kept.</remarks>
internal sealed record SuspendedScratch(ScratchIndex Index, ScratchFile File, DirtyBitmap CopyList, DirtyBitmap Copy, DirtyBitmap? GivenUp)
{
    /// <summary>Null when anything does not match: the job has lost its instant.</summary>
    public static SuspendedScratch? TryOpen(IFileLayer files, string directory, TrackingFile tracking, SetTable sets, SuspendedNote note)
    {
        if (!IsWhole(sets, note.Job) || sets.FindCopy(note.Job) is not { } copy || !sets.Roots.ContainsKey(note.Job))
        {
            return null;
        }

        IFile? file = null;
        try
        {
            file = files.Open(ScratchDirectory.PathFor(directory, sets.Definition.Id, note.Job), FileOpening.ReadWrite);
            if (ReadIndex(file, note, directory) is { } index && IsOf(index, tracking.Current, sets, note) && CopyListOf(index, sets) is { } copyList && copy.Bits.IsSubsetOf(copyList))
            {
                var limit = Math.Min(index.Request.ScratchLimitBytes, file.Length + ScratchDirectory.LimitBytes(files.FreeBytes(directory)));
                var used = index.Kept.Where(k => k.Slot >= 0).Select(k => k.Slot).ToHashSet();
                var scratch = new ScratchFile(files, file, index.BlockBytes, limit, index.SlotCount, used);
                file = null;
                return new SuspendedScratch(index, scratch, copyList, copy.Bits, GivenUpOf(index, copy.Bits.Geometry));
            }
        }
        catch (FileLayerException)
        {
            // Lost with its file.
        }
        finally
        {
            file?.Dispose();
        }

        return null;
    }

    /// <summary>The job's sets can be trusted and outlived its process.</summary>
    private static bool IsWhole(SetTable sets, JobId job) => sets.All.Where(s => s.Job == job).All(s => s.InconsistentReason is null);

    private static ScratchIndex? ReadIndex(IFile file, SuspendedNote note, string directory)
    {
        if (note.IndexOffset < 0 || note.IndexBytes < 0 || file.Length < note.IndexOffset + note.IndexBytes)
        {
            return null;
        }

        var bytes = new byte[note.IndexBytes];
        return file.Read(note.IndexOffset, bytes) == bytes.Length && TrackingFormat.Checksum(bytes) == note.IndexChecksum
            ? ScratchIndex.TryDecode(bytes, directory)
            : null;
    }

    private static bool IsOf(ScratchIndex index, Superblock tracking, SetTable sets, SuspendedNote note)
    {
        var (disk, copy) = (sets.Definition, sets.FindCopy(note.Job)!.Bits);
        return index.Disk == disk.Id
            && index.Job == note.Job
            && index.FileId == tracking.FileId
            && index.Generation == tracking.Generation
            && index.BlockBytes == disk.BlockBytes
            && index.BlockCount == disk.Geometry.BlockCount
            && index.SlotCount >= 0
            && index.SlotCount * index.BlockBytes <= note.IndexOffset
            && index.GivenUp.All(r => r.First >= 0 && r.First < r.End && r.End <= index.BlockCount)
            && index.Kept.All(k => IsPossible(k, index, new BlockParts(index.BlockBytes).All) && copy[k.Block]);
    }

    private static bool IsPossible(in KeptBlock kept, ScratchIndex index, ulong allParts) =>
        kept.Block >= 0
        && kept.Block < index.BlockCount
        && kept.Slot < index.SlotCount
        && (kept.Slot < 0 ? kept.Parts == allParts : kept.Parts != 0 && (kept.Parts & ~allParts) == 0);

    /// <summary>The set that was frozen for the job is what it was told to copy.</summary>
    private static DirtyBitmap? CopyListOf(ScratchIndex index, SetTable sets)
    {
        if (index.Request.CopyBitmapId is { } id)
        {
            return sets.FrozenBy(index.Job).FirstOrDefault(s => s.Id == id)?.Bits.ToGranularity(index.BlockBytes);
        }

        var all = new DirtyBitmap(sets.Definition.Geometry);
        all.MarkAll();
        return all;
    }

    private static DirtyBitmap? GivenUpOf(ScratchIndex index, BlockGeometry geometry)
    {
        if (index.GivenUp.Count == 0)
        {
            return null;
        }

        var blocks = new DirtyBitmap(geometry);
        foreach (var (first, end) in index.GivenUp)
        {
            blocks.MarkRange(first, end);
        }

        return blocks;
    }
}
