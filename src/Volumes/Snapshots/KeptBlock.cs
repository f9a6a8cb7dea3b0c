namespace ActorBackup.Volumes.Snapshots;

/// <summary>A kept block as the next opening of the disk finds it.</summary>
/// <param name="Block">Index.</param>
/// <param name="Slot">In the scratch file; -1 = the block is all zeroes.</param>
/// <param name="Checksum">Of the slot's bytes.</param>
internal readonly record struct KeptBlock(long Block, long Slot, ulong Checksum);
