using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Disks;

/// <summary>The point that a new bitmap is to count from, and what of it matters to the disk.</summary>
/// <param name="Point">Of this or of another disk.</param>
/// <param name="RepositoryId">That holds it.</param>
/// <param name="SizeBytes">Of the point.</param>
/// <param name="BlockBytes">Of the point.</param>
/// <param name="IsComplete">False = it lacks blocks, which are dirty then.</param>
public sealed record AssertedBase(PointId Point, string RepositoryId, long SizeBytes, long BlockBytes, bool IsComplete);
