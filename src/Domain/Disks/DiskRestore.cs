using ActorBackup.Core.Identity;

namespace ActorBackup.Domain.Disks;

/// <summary>A restore into a disk.</summary>
/// <param name="Job">That writes, or wrote.</param>
/// <param name="Point">That it writes.</param>
/// <param name="WasWhole">The disk was not half restored before: if the job changed nothing, it still is not.</param>
public sealed record DiskRestore(JobId Job, PointId Point, bool WasWhole);
