using ActorBackup.Core.Identity;

namespace ActorBackup.Volumes;

/// <summary>A snapshot that no run reads: it protects its blocks, and the disk's closing keeps it (rule 17).</summary>
/// <param name="Job">Whose.</param>
/// <param name="Generation">The opening of the disk in which the job's run let go of it.</param>
public readonly record struct SuspendedSnapshot(JobId Job, ulong Generation);
