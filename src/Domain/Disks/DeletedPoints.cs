using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>How long a disk remembers that a point was deleted.</summary>
public static class DeletedPoints
{
    /// <summary>Of those that their repositories say are gone: the ones to which nothing refers any more.</summary>
    /// <param name="state">Of the disk.</param>
    /// <param name="gone">Confirmed by their repositories.</param>
    /// <param name="hasPair">Whether the tracking file could bring the point back.</param>
    public static IReadOnlyList<DiskEvent> Forgotten(DiskState state, IEnumerable<(PointId Point, string RepositoryId)> gone, Func<JobId, bool> hasPair) =>
    [
        .. gone.Where(p => state.DeletedPoints.Contains(p) && !IsNamed(state, p.Point) && !hasPair(new JobId(p.Point.Value)))
            .Select(p => new DiskEvent.PointGone(p.Point, p.RepositoryId)),
    ];

    private static bool IsNamed(DiskState state, PointId point) =>
        state.Bitmaps.Values.Any(b => b.Base.Point == point || b.AwaitsBaseOf?.Value == point.Value)
        || state.Jobs.Values.Any(j => (!j.IsSettled && j.Spec.Id.Value == point.Value) || (j.Conclusion is null && j.Spec.Base == point));
}
