namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>What a user says to a running job.</summary>
internal sealed class BackupControl
{
    public bool IsCancelled { get; private set; }

    public bool IsForced { get; private set; }

    public bool IsEnding { get; set; }

    public void Cancel(bool force)
    {
        IsCancelled = true;
        IsForced |= force;
    }
}
