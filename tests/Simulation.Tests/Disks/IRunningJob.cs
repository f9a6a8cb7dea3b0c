using ActorBackup.Messages.Disks;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>A backup that runs, as its disk's actor sees it.</summary>
internal interface IRunningJob
{
    BackupSpec Spec { get; }

    void Cancel(bool force);

    /// <summary>The process is being stopped: the job lets go.</summary>
    void Suspend();

    /// <summary>The process stops, whether the job has let go or not.</summary>
    void Abandon();
}
