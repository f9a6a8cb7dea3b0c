using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;

namespace ActorBackup.Domain.Disks;

/// <summary>Which policies a job can have whose bitmap was changed by its group before (rule 21).</summary>
/// <remarks>
/// Such a job's sync bitmap is the overlay, and an abort drops that: the bitmap keeps its old bits, which say nothing about what the partial point of
/// <c>always</c> lacks. In an individual group the overlay has become the bitmap with the decision that it begins, before any of its jobs settles: from then
/// on a job settles into the very set that it froze, and any policy is as good as after the same actions one by one. A job that waits for a person and is to keep its work comes to <c>always</c> only there.
/// </remarks>
public static class OverlaidPolicy
{
    /// <summary>At the start.</summary>
    /// <param name="bitmap">That the group has changed.</param>
    /// <param name="disk">Whose.</param>
    public static Refusal Refuse(string bitmap, DiskId disk) =>
        new(RefusalCode.InvalidPolicy, $"policy 'always' would keep bits of bitmap '{bitmap}' of disk '{disk}' that the same group changes before; use 'conditional' or 'never'");

    /// <summary>Of a job that runs; null when it can have the policy.</summary>
    public static Refusal? WhyNot(DiskState state, DiskId disk, JobState job, BitmapSyncPolicy policy) =>
        policy == BitmapSyncPolicy.Always
        && job.Spec is { Bitmap: { } bitmap, Group: { } group }
        && state.Groups.GetValueOrDefault(group.Value) is { OverlaysCount: false } part
        && part.Overlays.Any(o => o.SetId == job.Spec.BitmapSet)
            ? Refuse(bitmap, disk)
            : null;
}
