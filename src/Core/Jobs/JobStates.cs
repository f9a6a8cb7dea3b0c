namespace ActorBackup.Core.Jobs;

/// <summary>Which verb a job accepts in which state, and which transitions exist: QEMU's two tables.</summary>
public static class JobStates
{
    public static bool Accepts(JobStatus status, JobVerb verb) =>
        verb switch
        {
            JobVerb.Cancel => status is JobStatus.Created or JobStatus.Running or JobStatus.Paused or JobStatus.Ready
                or JobStatus.Standby or JobStatus.Waiting or JobStatus.Pending,
            JobVerb.Pause or JobVerb.Resume or JobVerb.SetRate or JobVerb.SetPolicy =>
                status is JobStatus.Created or JobStatus.Running or JobStatus.Paused or JobStatus.Ready or JobStatus.Standby,
            JobVerb.Complete => status is JobStatus.Ready or JobStatus.Standby,
            JobVerb.Finalize => status is JobStatus.Pending,
            JobVerb.Dismiss => status is JobStatus.Concluded,
            _ => false,
        };

    public static bool CanMove(JobStatus from, JobStatus to) =>
        from switch
        {
            JobStatus.Created => to is JobStatus.Running or JobStatus.Aborting,
            JobStatus.Running => to is JobStatus.Paused or JobStatus.Ready or JobStatus.Waiting or JobStatus.Aborting,
            JobStatus.Paused => to is JobStatus.Running,
            JobStatus.Ready => to is JobStatus.Standby or JobStatus.Waiting or JobStatus.Aborting,
            JobStatus.Standby => to is JobStatus.Ready,
            JobStatus.Waiting => to is JobStatus.Pending or JobStatus.Aborting,
            JobStatus.Pending => to is JobStatus.Aborting or JobStatus.Concluded,
            JobStatus.Aborting => to is JobStatus.Aborting or JobStatus.Concluded,
            _ => false,
        };
}
