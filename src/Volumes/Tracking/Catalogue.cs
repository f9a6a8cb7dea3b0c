using ActorBackup.Core.Identity;

namespace ActorBackup.Volumes.Tracking;

/// <summary>What a checkpoint stores beside the pages: the disk, its sets and where their pages lie, and the checkpoint pairs of jobs.</summary>
internal sealed record Catalogue(DiskDefinition Definition, IReadOnlyList<CatalogueSet> Sets, IReadOnlyList<CheckpointRoot> Roots)
{
    /// <summary>Jobs that were suspended when the disk was closed; older files have none.</summary>
    public IReadOnlyList<SuspendedNote> Suspended { get; init; } = [];
}

/// <summary>A set as the catalogue lists it.</summary>
internal sealed record CatalogueSet
{
    public required ulong Id { get; init; }

    public required SetRole Role { get; init; }

    public required bool IsRecording { get; init; }

    public required long GranularityBytes { get; init; }

    public required ulong ParentId { get; init; }

    public required JobId? Job { get; init; }

    public required string? InconsistentReason { get; init; }

    public required StoredPage[] Pages { get; init; }
}

/// <summary>The root of the partial tree that matches the copy set of the same job (rule 10).</summary>
internal sealed record CheckpointRoot(JobId Job, byte[] Root);
