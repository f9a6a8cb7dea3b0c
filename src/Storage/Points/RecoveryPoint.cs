using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;

namespace ActorBackup.Storage.Points;

/// <summary>A disk's content of one instant: the root of its image tree, and what that tree lacks.</summary>
public sealed record RecoveryPoint
{
    /// <summary>The id of the job that made it.</summary>
    public required PointId Id { get; init; }

    public required DiskId Disk { get; init; }

    public required JobId Job { get; init; }

    public GroupId? Group { get; init; }

    /// <summary>What it was laid over; for people, nothing depends on it.</summary>
    public PointId? Base { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required long SizeBytes { get; init; }

    public required int BlockBytes { get; init; }

    /// <summary>None = all zero.</summary>
    public required BlockDigest Root { get; init; }

    /// <summary>Blocks that were never copied, ascending (rule 13).</summary>
    public IReadOnlyList<BlockRun> Missing { get; init; } = [];

    /// <summary>Its job did not succeed. It is partial then, also where every block had been copied.</summary>
    public bool IsAborted { get; init; }

    public bool IsComplete => Missing.Count == 0 && !IsAborted;

    public BlockGeometry Geometry => new(SizeBytes, BlockBytes);

    /// <summary>In bytes.</summary>
    public IReadOnlyList<Extent> MissingExtents()
    {
        var geometry = Geometry;
        return [.. Missing.Select(r => new Extent(geometry.OffsetOf(r.First), Math.Min(SizeBytes, geometry.OffsetOf(r.End)) - geometry.OffsetOf(r.First)))];
    }
}
