using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>Which failed jobs are tried again by themselves, when, and as what.</summary>
public static class JobRestarts
{
    private static readonly TimeSpan BackOffMax = TimeSpan.FromMinutes(1);

    /// <summary>Jobs that failed or were interrupted, have restarts left, and whose work nobody does again yet.</summary>
    public static IEnumerable<JobState> Due(DiskState state) => state.Jobs.Values.Where(j => IsDue(state, j));

    /// <remarks>Of a job that shares the outcome of its group the group's coordinator knows: it starts the group again (rule 21).</remarks>
    public static bool IsDue(DiskState state, JobState job) =>
        job is { Conclusion.Outcome: JobOutcome.Failed or JobOutcome.Interrupted, IsSettled: true, Spec: { Restarts: > 0, IsGrouped: false } }
        && Next(state, job) is null;

    /// <summary>The job that does this one's work again; null = none.</summary>
    public static JobState? Next(DiskState state, JobState job) => state.Jobs.Values.FirstOrDefault(j => j.Spec.RetryOf == job.Spec.Id);

    /// <summary>How long to wait after a failure: 1 s at first, twice as long each time, at most a minute.</summary>
    /// <param name="failureCount">Failures before this one.</param>
    public static TimeSpan BackOff(int failureCount) =>
        TimeSpan.FromSeconds(Math.Min(BackOffMax.TotalSeconds, Math.ScaleB(1, Math.Clamp(failureCount, 0, 10))));

    public static BackupOrder Order(DiskState state, JobState job) =>
        BackupDecider.Retry(job, state) with { Restarts = job.Spec.Restarts - 1, RestartCount = job.Spec.RestartCount + 1 };
}
