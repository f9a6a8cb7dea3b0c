namespace ActorBackup.Volumes.Snapshots;

/// <summary>A kept block as the next opening of the disk finds it.</summary>
/// <param name="Block">Index.</param>
/// <param name="Slot">In the scratch file; -1 = the block is all zeroes.</param>
/// <param name="Parts">Which of its <see cref="BlockParts"/> are in the slot. The others are on the source as they were at the instant.</param>
/// <param name="Checksum">Of those parts.</param>
internal readonly record struct KeptBlock(long Block, long Slot, ulong Parts, ulong Checksum);
