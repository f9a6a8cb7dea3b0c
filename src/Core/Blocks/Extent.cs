namespace ActorBackup.Core.Blocks;

/// <summary>A run of bytes of a disk: [Offset, Offset + Length).</summary>
public readonly record struct Extent(long Offset, long Length)
{
    public long End => Offset + Length;
}
