using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Volumes;

/// <summary>A job's pair (rule 10): what is left to copy, and the root of the tree that holds the rest.</summary>
/// <param name="Copy">In blocks of the disk. Not to be changed.</param>
/// <param name="Root">None = everything copied is zero.</param>
public readonly record struct JobCheckpoint(DirtyBitmap Copy, BlockDigest Root);
