using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;

namespace ActorBackup.Volumes.Tracking;

internal enum SetRole : byte
{
    Bitmap = 0,
    Successor = 1,
    Copy = 2,
}

/// <summary>Where a page of a set lies, and its checksum. Number 0 is a page of zeroes, 1 a page of ones.</summary>
internal readonly record struct StoredPage(uint Number, ulong Checksum);

/// <summary>A set of blocks in memory with its image in the tracking file.</summary>
/// <remarks>
/// Guest writes only set bits of Bits. All else, the page flags too, is touched by commands and checkpoints alone, which run one at a time.
/// A page must be rewritten if its flag is set; which pages guest writes changed follows from the regions that they marked (Checkpoint), so that a
/// write pays nothing for it, and no race between "bit set" and "page flagged" can let a checkpoint miss a bit.
/// </remarks>
internal sealed class TrackedSet
{
    public TrackedSet(ulong id, SetRole role, BlockGeometry geometry)
    {
        Id = id;
        Role = role;
        Bits = new DirtyBitmap(geometry);
        var pages = PagesFor(geometry);
        Pages = new StoredPage[pages];
        PageDirty = new bool[pages];
    }

    public ulong Id { get; }

    public SetRole Role { get; }

    /// <summary>Replaced only while writes are held.</summary>
    public DirtyBitmap Bits { get; set; }

    /// <summary>Guest writes set bits here: of a bitmap or a successor.</summary>
    public bool IsRecording { get; set; }

    /// <summary>Never stored.</summary>
    public bool IsTransient { get; init; }

    /// <summary>The job that froze this bitmap, or that this successor or copy belongs to.</summary>
    public JobId? Job { get; set; }

    /// <summary>Of a successor, its bitmap; else 0.</summary>
    public ulong ParentId { get; init; }

    /// <summary>Why the bits cannot be trusted; null = they can.</summary>
    public string? InconsistentReason { get; set; }

    public StoredPage[] Pages { get; }

    public bool[] PageDirty { get; }

    public static int PagesFor(BlockGeometry geometry) => checked((int)((geometry.BlockCount + TrackingFormat.BitsPerPage - 1) / TrackingFormat.BitsPerPage));

    /// <summary>The same set of a disk of another size. What records gets the block that was or becomes the last one, and all that is new (rule 7).</summary>
    public TrackedSet Resized(long sizeBytes)
    {
        var before = Bits.Geometry;
        var resized = new TrackedSet(Id, Role, new BlockGeometry(sizeBytes, before.BlockBytes))
        {
            IsRecording = IsRecording,
            ParentId = ParentId,
            Job = Job,
            InconsistentReason = InconsistentReason,
        };
        foreach (var extent in Bits.Extents().Where(e => e.Offset < sizeBytes))
        {
            resized.Bits.MarkBytes(extent.Offset, Math.Min(extent.Length, sizeBytes - extent.Offset));
        }

        if (IsRecording)
        {
            var tail = before.OffsetOf(before.IndexOf(Math.Min(before.SizeBytes, sizeBytes) - 1));
            resized.Bits.MarkBytes(tail, sizeBytes - tail);
        }

        resized.MarkAllPagesDirty();
        return resized;
    }

    public void MarkAllPagesDirty() => Array.Fill(PageDirty, true);

    /// <summary>Flags the pages that hold the bits of a byte range of the disk.</summary>
    public void MarkPagesDirty(long offset, long length)
    {
        var (first, end) = Bits.Geometry.Touched(offset, length);
        if (end > first)
        {
            var lastPage = (int)((end - 1) / TrackingFormat.BitsPerPage);
            for (var page = (int)(first / TrackingFormat.BitsPerPage); page <= lastPage; page++)
            {
                PageDirty[page] = true;
            }
        }
    }

    public void ReadPage(int page, Span<byte> destination) => Bits.ReadWords(page * TrackingFormat.WordsPerPage, destination);
}
