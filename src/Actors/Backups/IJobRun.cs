using ActorBackup.Actors.Jobs;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Backups;

/// <summary>What a disk's job does, from its instant to its end.</summary>
public interface IJobRun
{
    BackupSpec Spec { get; }

    JobControl Control { get; }

    /// <summary>Told once, when the job begins to wait for a person, or for the decision of its group.</summary>
    Action<PendingJob>? BecamePending { get; set; }

    /// <summary>Runs to the end. Never throws.</summary>
    Task<IBackupResult> RunAsync();
}
