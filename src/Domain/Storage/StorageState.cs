using System.Collections.Immutable;
using System.Diagnostics;
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
            StorageEvent.JobStarted x => state with { Jobs = state.Jobs.SetItem(x.Job.Id.Value, new StorageJobState(x.Job, x.At, null, null, false)) },
            StorageEvent.JobConcluded x => state with
            {
                Jobs = state.Jobs.SetItem(x.Job.Value, state.Jobs[x.Job.Value] with { Conclusion = x.Conclusion, EndedAt = x.At }),
            },
            StorageEvent.JobDismissed x => state with { Jobs = state.Jobs.SetItem(x.Job.Value, state.Jobs[x.Job.Value] with { IsDismissed = true }) },
            _ => throw new UnreachableException($"No transition for {e.GetType().Name}."),
        };
}

/// <summary>Conclusion null = running, or died with its process.</summary>
public sealed record StorageJobState(StorageJob Job, DateTimeOffset StartedAt, JobConclusion? Conclusion, DateTimeOffset? EndedAt, bool IsDismissed);
