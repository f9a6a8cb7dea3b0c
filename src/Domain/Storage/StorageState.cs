using System.Collections.Immutable;
using System.Diagnostics;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Domain.Storage;

/// <summary>Restore and verify jobs of one repository on one node, by id.</summary>
public sealed record StorageState
{
    /// <summary>How many jobs are remembered, at least.</summary>
    public const int JobsMax = 1000;

    private const int ForgottenAtOnce = 100;

    public static StorageState Empty { get; } = new();

    public ImmutableSortedDictionary<string, StorageJobState> Jobs { get; init; } =
        ImmutableSortedDictionary.Create<string, StorageJobState>(StringComparer.Ordinal);

    public static StorageState Apply(StorageState state, StorageEvent e) =>
        e switch
        {
            StorageEvent.JobStarted x => Started(state, x),
            StorageEvent.JobSuspended x => With(state, x.Job, j => j with { Suspended = x.Suspended }),
            StorageEvent.JobResumed x => With(state, x.Job, j => j with { Suspended = null }),
            StorageEvent.JobsForgotten x => state with { Jobs = state.Jobs.RemoveRange(x.Jobs.Select(j => j.Value)) },
            StorageEvent.JobConcluded x => With(state, x.Job, j => j with { Conclusion = x.Conclusion, EndedAt = x.At, Suspended = null }),
            StorageEvent.JobDismissed x => With(state, x.Job, j => j with { IsDismissed = true }),
            _ => throw new UnreachableException($"No transition for {e.GetType().Name}."),
        };

    /// <summary>The oldest jobs that have ended, once there are too many; else none.</summary>
    public IReadOnlyList<JobId> TooOld() =>
        Jobs.Count < JobsMax + ForgottenAtOnce
            ? []
            : [.. Jobs.Values.Where(j => j.Conclusion is not null).Select(j => j.Job.Id).Take(Jobs.Count - JobsMax)];

    private static StorageState With(StorageState state, JobId job, Func<StorageJobState, StorageJobState> change) =>
        state with { Jobs = state.Jobs.SetItem(job.Value, change(state.Jobs[job.Value])) };

    private static StorageState Started(StorageState state, StorageEvent.JobStarted x)
    {
        var jobs = state.Jobs.SetItem(x.Job.Id.Value, new StorageJobState(x.Job, x.At, null, null, false));
        return state with
        {
            Jobs = x.Job.RetryOf is { } retried && jobs.TryGetValue(retried.Value, out var before)
                ? jobs.SetItem(retried.Value, before with { RetriedAs = x.Job.Id })
                : jobs,
        };
    }
}

/// <summary>Conclusion null = running, or died with its process.</summary>
public sealed record StorageJobState(StorageJob Job, DateTimeOffset StartedAt, JobConclusion? Conclusion, DateTimeOffset? EndedAt, bool IsDismissed)
{
    /// <summary>How the last orderly stop left it; null = it runs, died with its process, or was concluded.</summary>
    public SuspendedRead? Suspended { get; init; }

    /// <summary>The newest job that does this one's work again.</summary>
    public JobId? RetriedAs { get; init; }
}
