using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Disks;

public enum BaseState
{
    None = 0,
    Valid = 1,
    Partial = 2,
    Lost = 3,
    Elsewhere = 4,
}

/// <summary>The recovery point that a bitmap counts from. <see cref="None"/> when there is none.</summary>
/// <param name="State">Lost = somebody looked, and the point was gone; Elsewhere is never recorded.</param>
/// <param name="Point">The point.</param>
/// <param name="RepositoryId">The repository that holds it, whatever a node calls it.</param>
public sealed record BitmapBase(BaseState State, PointId? Point, string? RepositoryId)
{
    public static BitmapBase None { get; } = new(BaseState.None, null, null);
}
