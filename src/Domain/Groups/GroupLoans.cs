using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Groups;

/// <summary>Bitmaps that disks of a group merge into their own from other disks, which have a part in the group for that, too.</summary>
public static class GroupLoans
{
    /// <summary>What the disks are asked for, in order: before a merge what it borrows, at the same place.</summary>
    public static IEnumerable<(int Place, DiskCommand Command)> Commands(IReadOnlyList<DiskCommand> actions) =>
        actions.SelectMany((action, place) => BorrowedBy(action)
            .Select(s => (DiskCommand)new DiskCommand.LendToGroup(s.Name) { Disk = s.Disk })
            .Append(action)
            .Select(command => (place, command)));

    /// <summary>Every loan, with the disk that borrows.</summary>
    public static IEnumerable<(DiskId To, GroupLoan Loan)> Of(IReadOnlyList<DiskCommand> actions) =>
        actions.SelectMany((action, place) => BorrowedBy(action).Select(from => (action.Disk, new GroupLoan(from, place))));

    public static IEnumerable<BitmapAddress> BorrowedBy(DiskCommand action) =>
        action is DiskCommand.MergeBitmaps merge ? merge.Sources.Where(s => s.Disk != merge.Disk).Distinct() : [];
}
