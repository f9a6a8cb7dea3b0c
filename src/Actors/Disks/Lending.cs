using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>Whether a disk can be lent to a restore or a comparison, by what the journal says of it.</summary>
internal static class Lending
{
    public static Refusal? WhyNotForRestore(DiskId id, DiskCommand.LendDisk order, TrackedDisk disk)
    {
        if (disk.IsReadOnly)
        {
            return new Refusal(RefusalCode.PermissionDenied, $"disk '{id}' is read-only; remove it and add it without --read-only, or restore elsewhere");
        }

        return disk.SizeBytes == order.SizeBytes
            ? null
            : new Refusal(
                RefusalCode.InvalidSize,
                $"disk '{id}' has {disk.SizeBytes} bytes and the point {order.SizeBytes}; 'abk disk resize {id} {order.SizeBytes}' makes them equal, or restore elsewhere");
    }

    /// <summary>Of each bitmap that counts from the point: its set, and those of jobs that are not settled.</summary>
    public static IReadOnlyList<ulong[]> SetsCountingFrom(DiskState state, PointId point, string repositoryId, TrackedDisk disk) =>
    [
        .. from bitmap in state.Bitmaps.Values
           where bitmap.Base.Point == point && bitmap.Base.RepositoryId == repositoryId && bitmap is { Recording: true, InconsistentReason: null }
           where disk.InconsistentReason(bitmap.SetId) is null
           let successors = state.Jobs.Values.Where(j => !j.IsSettled && j.Spec.Bitmap == bitmap.Name).Select(j => j.Spec.SuccessorSet)
           select successors.Prepend(bitmap.SetId).ToArray(),
    ];

    public static Refusal NoBitmap(DiskId id, PointId point) =>
        new(
            RefusalCode.NoBase,
            $"no bitmap of disk '{id}' counts from point {point}, so nothing says which blocks should still be equal; compare the base of a bitmap ('abk bitmap list {id}'), or verify with --full");
}
