using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>How a job's run ended.</summary>
/// <param name="IsPointUnpublished">The partial point is in the tracking file only (ADR 3).</param>
internal sealed record BackupEnded(JobId Job, JobEnd End, bool IsPointUnpublished);
