using System.Collections.Immutable;
using System.Diagnostics;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Domain.Storage;

/// <summary>Restore and verify jobs of one repository on one node, by id.</summary>
public sealed record StorageState
{
    public static StorageState Empty { get; } = new();

    public ImmutableSortedDictionary<string, StorageJobState> Jobs { get; init; } =
        ImmutableSortedDictionary.Create<string, StorageJobState>(StringComparer.Ordinal);

    public static StorageState Apply(StorageState state, StorageEvent e) =>
        e switch
        {
            StorageEvent.JobStarted x => Started(state, x),
            StorageEvent.JobConcluded x => state with
            {
                Jobs = state.Jobs.SetItem(x.Job.Value, state.Jobs[x.Job.Value] with { Conclusion = x.Conclusion, EndedAt = x.At }),
            },
            StorageEvent.JobDismissed x => state with { Jobs = state.Jobs.SetItem(x.Job.Value, state.Jobs[x.Job.Value] with { IsDismissed = true }) },
            _ => throw new UnreachableException($"No transition for {e.GetType().Name}."),
        };

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
    /// <summary>The newest job that does this one's work again.</summary>
    public JobId? RetriedAs { get; init; }
}
