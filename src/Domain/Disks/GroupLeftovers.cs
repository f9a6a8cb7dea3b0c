using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Domain.Disks;

/// <summary>Bitmaps that were made for the jobs of a group that did not succeed, and that keep nothing: they go with it (rule 18).</summary>
public static class GroupLeftovers
{
    /// <param name="state">Of the disk; the part's jobs are settled.</param>
    /// <param name="part">What it had to do.</param>
    public static IEnumerable<string> Of(DiskState state, GroupPart part) =>
        part.Decision is GroupDecision.Undo or GroupDecision.Abort or GroupDecision.Force
            ? part.Made.Where(name => state.Bitmaps.GetValueOrDefault(name) is { BusyWith: null, Group: null, IsExported: false, Base.State: BaseState.None })
            : [];
}
