using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>Bases whose points somebody else deleted are lost: what the journal says of that follows what was seen last, in both directions.</summary>
/// <remarks>Only for those who look at a bitmap. A backup always looks for the point itself, and no bit changes.</remarks>
public static class BaseDecider
{
    /// <summary>Points that bitmaps count from.</summary>
    public static IReadOnlySet<(PointId Point, string RepositoryId)> ToLookFor(DiskState state) =>
        state.Bitmaps.Values.Select(b => b.Base).Where(b => b is { Point: not null, RepositoryId: not null }).Select(b => (b.Point!.Value, b.RepositoryId!)).ToHashSet();

    /// <param name="state">Of the disk.</param>
    /// <param name="seen">Of points that were looked for, whether they are there: complete, partial, or lost.</param>
    public static IReadOnlyList<DiskEvent> Seen(DiskState state, IReadOnlyDictionary<(PointId Point, string RepositoryId), BaseState> seen) =>
    [
        .. state.Bitmaps.Values
            .Where(b => b is { BusyWith: null, Group: null, Base: { Point: not null, RepositoryId: not null } })
            .Select(b => (Bitmap: b, Now: seen.GetValueOrDefault((b.Base.Point!.Value, b.Base.RepositoryId!))))
            .Where(b => b.Now != BaseState.None && (b.Now == BaseState.Lost) != (b.Bitmap.Base.State == BaseState.Lost))
            .Select(b => new DiskEvent.BitmapBaseChanged(b.Bitmap.Name, b.Bitmap.Base with { State = b.Now })),
    ];
}
