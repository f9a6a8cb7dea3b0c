namespace ActorBackup.Volumes.Snapshots;

public enum SnapshotBlockKind
{
    /// <summary>No block is left to hand out; other readers may still be busy with theirs.</summary>
    End = 0,

    /// <summary>The buffer holds the block, padded with zeroes to the full block.</summary>
    Data,

    /// <summary>Count blocks from First on are all zero; the buffer is untouched.</summary>
    Zero,

    /// <summary>The source could not be read. The block is still protected and may be read again by index.</summary>
    Unreadable,
}

/// <summary>What a reader of a snapshot got.</summary>
/// <param name="Kind">How to understand the rest.</param>
/// <param name="First">Block index.</param>
/// <param name="Count">Blocks; more than one only for runs of zeroes.</param>
/// <param name="Error">Why the block is unreadable.</param>
public readonly record struct SnapshotBlock(SnapshotBlockKind Kind, long First, long Count, string? Error = null);
