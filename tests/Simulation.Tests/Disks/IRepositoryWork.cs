using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>What a disk's actor does with a repository, in one process.</summary>
internal interface IRepositoryWork
{
    /// <summary>Whether the base is there, before a backup is decided; null = the repository cannot be used.</summary>
    Task<bool?> FindBaseAsync(PointId? basePoint);

    /// <summary>The journal has the job: it begins to run.</summary>
    void StartJob(BackupSpec spec);

    /// <summary>Brings journal, tracking file and repository together.</summary>
    Task RecoverAsync();

    /// <summary>Deletes a point if nothing speaks against it.</summary>
    Task DeletePointAsync(PointId point);

    /// <summary>Draws what only this repository cares for.</summary>
    BackupOrder Vary(BackupOrder order);
}
