using System.Collections.Immutable;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>Everything the journal says of one disk.</summary>
public sealed record DiskState
{
    public static DiskState Empty { get; } = new();

    /// <summary>Null before the disk was added and after it was removed.</summary>
    public DiskDefinition? Definition { get; init; }

    public bool IsStopped { get; init; }

    /// <summary>No guest finds it, although it is online and tracked.</summary>
    public bool IsUnexported { get; init; }

    /// <summary>The restore into it that has not ended; if none goes on, it is half restored. No guest finds it.</summary>
    public DiskRestore? Restore { get; init; }

    /// <summary>The size that a resize was to bring; null when none is open.</summary>
    public long? IntendedSizeBytes { get; init; }

    public ImmutableSortedDictionary<string, BitmapState> Bitmaps { get; init; } =
        ImmutableSortedDictionary.Create<string, BitmapState>(StringComparer.Ordinal);

    public ImmutableSortedDictionary<string, JobState> Jobs { get; init; } =
        ImmutableSortedDictionary.Create<string, JobState>(StringComparer.Ordinal);

    /// <summary>Points that no bitmap counts from any more and that the repository may still hold, or a pair bring back.</summary>
    public ImmutableHashSet<(PointId Point, string RepositoryId)> DeletedPoints { get; init; } = [];

    /// <summary>What the disk does in groups that have not ended.</summary>
    public ImmutableSortedDictionary<string, GroupPart> Groups { get; init; } =
        ImmutableSortedDictionary.Create<string, GroupPart>(StringComparer.Ordinal);

    /// <summary>Never decreases, also across removal, so that a set id names one set for ever.</summary>
    public ulong NextSetId { get; init; } = 1;

    public PointId? LastPoint { get; init; }

    public DateTimeOffset? LastSuccessAt { get; init; }

    public IEnumerable<BitmapState> ExportedBitmaps => Bitmaps.Values.Where(b => b.IsExported);

    public IEnumerable<JobState> UnfinishedJobs => Jobs.Values.Where(j => j.Conclusion is null);
}
