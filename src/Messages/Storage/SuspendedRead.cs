using ActorBackup.Core.Blocks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Messages.Storage;

/// <summary>A restore or verify that goes on after the node's next start.</summary>
/// <param name="Statistics">As it was left.</param>
/// <param name="RateBytesPerSecond">0 = unlimited.</param>
/// <param name="IsPaused">It stays paused.</param>
/// <param name="NextBlock">Of a verify of the repository: the blocks before it are done. What was written or compared is looked at again.</param>
/// <param name="Damage">In those blocks.</param>
public sealed record SuspendedRead(JobStatistics Statistics, long RateBytesPerSecond, bool IsPaused, long NextBlock, IReadOnlyList<ReadDamage> Damage)
{
    /// <summary>Of which the journal keeps the places; a job that has found more begins again.</summary>
    public const int DamageMax = 1000;
}

/// <summary>Bytes that cannot be read back, and why.</summary>
public readonly record struct ReadDamage(Extent Extent, string Reason);
