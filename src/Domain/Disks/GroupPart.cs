using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Domain.Disks;

/// <summary>What a disk does in a group.</summary>
/// <param name="Group">Whose.</param>
/// <param name="Completion">Whether the group's jobs share their outcome.</param>
/// <param name="Overlays">What its bitmap actions make of bitmaps.</param>
/// <param name="Jobs">Of this disk in the group.</param>
/// <param name="Decision">What the coordinator has decided; null = nothing that this disk knows.</param>
public sealed record GroupPart(GroupId Group, GroupCompletion Completion, IReadOnlyList<BitmapOverlay> Overlays, IReadOnlyList<JobId> Jobs, GroupDecision? Decision)
{
    /// <summary>Bitmaps that were made for its jobs.</summary>
    public IReadOnlyList<string> Made { get; init; } = [];

    /// <summary>The overlays are what the bitmaps are.</summary>
    public bool OverlaysCount => Decision is GroupDecision.Commit or GroupDecision.Start;
}
