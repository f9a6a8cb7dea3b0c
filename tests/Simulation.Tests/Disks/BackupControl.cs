namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>What a user says to a running job.</summary>
internal sealed class BackupControl
{
    public bool IsCancelled { get; private set; }

    public bool IsForced { get; private set; }

    public bool IsEnding { get; set; }

    /// <summary>The process is being stopped: readers finish what they have begun.</summary>
    public bool IsSuspending { get; set; }

    public void Cancel(bool force)
    {
        IsCancelled = true;
        IsForced |= force;
    }
}
