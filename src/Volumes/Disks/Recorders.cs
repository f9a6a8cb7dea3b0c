using ActorBackup.Core.Bitmaps;

namespace ActorBackup.Volumes.Disks;

/// <summary>Where a guest's write sets bits. Replaced as a whole while writes are held, so that a write sees one version.</summary>
/// <param name="Bits">Recording bitmaps and successors.</param>
/// <param name="NeedIntents">Some of them outlive the process: a crash must find the regions of writes in flight.</param>
internal sealed record Recorders(DirtyBitmap[] Bits, bool NeedIntents)
{
    public static Recorders None { get; } = new([], false);

    public void Mark(long offset, long length)
    {
        foreach (var bitmap in Bits)
        {
            bitmap.MarkBytes(offset, length);
        }
    }
}
