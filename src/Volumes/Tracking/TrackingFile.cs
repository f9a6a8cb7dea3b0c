using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>An open tracking file: its superblock, its pages, and the primitives that a checkpoint is made of.</summary>
internal sealed class TrackingFile(IFile file, Superblock superblock) : IDisposable
{
    public IFile File { get; } = file;

    /// <summary>The newest superblock that is known to be durable.</summary>
    public Superblock Current { get; private set; } = superblock;

    public PageSpace Space { get; } = new(file);

    /// <summary>Pages of the durable catalogue.</summary>
    public List<uint> CataloguePages { get; } = [];

    /// <summary>Pages of checkpoints whose superblock was written but not confirmed, or could not be read: it may be the durable one, so they stay until the next success.</summary>
    public List<uint> UncertainPages { get; } = [];

    public void WritePage(uint page, ReadOnlySpan<byte> bytes) => File.Write(TrackingFormat.OffsetOf(page), bytes);

    public void WriteSuperblock(Superblock next)
    {
        Span<byte> slot = stackalloc byte[Superblock.SizeBytes];
        next.Encode(slot);
        File.Write(TrackingFormat.OffsetOf((uint)next.Slot), slot);
    }

    public void Confirm(Superblock durable) => Current = durable;

    public void ClearIntents() => WritePage(TrackingFormat.IntentPage, new byte[TrackingFormat.PageBytes]);

    /// <summary>Grows the file for the worst case of these sets.</summary>
    /// <exception cref="VolumeException">There is no room; nothing has changed.</exception>
    public void Reserve(int sets, long pages)
    {
        try
        {
            Space.Reserve(pages + PageSpace.ChainPagesFor(CatalogueCodec.MaxBytes(sets, pages)));
        }
        catch (FileLayerException e)
        {
            throw Failures.ToVolume(e, $"The tracking file cannot reserve room for {sets} sets", "Free some space on its file system; nothing was changed.");
        }
    }

    public void Dispose() => File.Dispose();
}
