using ActorBackup.Api;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Domain.Groups;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Node.Http;

/// <summary>The actions of a group as commands for its disks.</summary>
public static class GroupActions
{
    /// <summary>The problem of the first action that can never be carried out, whatever the state; null = there is none.</summary>
    public static IResult? Check(IReadOnlyList<GroupActionRequest> requests) => requests.Select(Check).FirstOrDefault(p => p is not null);

    /// <summary>The commands, in order, up to the first one that asks for what is not there; then also why.</summary>
    public static async Task<(IReadOnlyList<DiskCommand> Actions, Refusal? Impossible)> ResolveAsync(IReadOnlyList<GroupActionRequest> requests, NodeGateway node)
    {
        var actions = new List<DiskCommand>();
        foreach (var request in requests)
        {
            var (action, refusal) = request.Backup is { } backup ? await BackupEndpoints.ResolveAsync(backup, node) : BitmapAction(request);
            if (action is null)
            {
                return (actions, refusal);
            }

            actions.Add(action);
        }

        return (actions, null);
    }

    private static IResult? Check(GroupActionRequest? request) =>
        CountOf(request) != 1
            ? Problem.Of(
                ErrorCodes.InvalidArgument,
                "an action of a group is exactly one of backup, bitmapAdd, bitmapClear, bitmapEnable, bitmapDisable and bitmapMerge")
            : request!.Backup is { } backup ? BackupEndpoints.Check(backup)
            : request.BitmapMerge is { } merge && merge.Sources.Contains(null!) ? Problem.Of(ErrorCodes.InvalidArgument, "the name of a source is missing")
            : null;

    /// <summary>JSON may have a null where an action belongs.</summary>
    private static int CountOf(GroupActionRequest? r) =>
        r is null ? 0 : new object?[] { r.Backup, r.BitmapAdd, r.BitmapClear, r.BitmapEnable, r.BitmapDisable, r.BitmapMerge }.Count(a => a is not null);

    /// <summary>No actor has a name that no disk can have, so none would answer.</summary>
    private static (DiskCommand? Action, Refusal? Refusal) BitmapAction(GroupActionRequest request)
    {
        var action = CommandOf(request);
        var wrong = GroupLoans.BorrowedBy(action).Select(s => s.Disk).Prepend(action.Disk).Where(d => !ObjectName.IsValid(d.Value)).ToList();
        return wrong.Count == 0 ? (action, null) : (null, BitmapDecider.UnknownDisk(wrong[0]).Refusal);
    }

    private static DiskCommand CommandOf(GroupActionRequest request) =>
        request switch
        {
            { BitmapAdd: { } a } => new DiskCommand.AddBitmap(a.Name, a.Granularity, !a.Disabled, !a.Transient) { Disk = new DiskId(a.Disk) },
            { BitmapClear: { } a } => new DiskCommand.ClearBitmap(a.Name) { Disk = new DiskId(a.Disk) },
            { BitmapEnable: { } a } => new DiskCommand.SetBitmapRecording(a.Name, true) { Disk = new DiskId(a.Disk) },
            { BitmapDisable: { } a } => new DiskCommand.SetBitmapRecording(a.Name, false) { Disk = new DiskId(a.Disk) },
            { BitmapMerge: { } a } => new DiskCommand.MergeBitmaps(a.Name, [.. a.Sources.Select(s => AddressOf(a.Disk, s))]) { Disk = new DiskId(a.Disk) },
            _ => throw new System.Diagnostics.UnreachableException("No action."),
        };

    private static BitmapAddress AddressOf(string disk, string source) =>
        source.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash
            ? new BitmapAddress(new DiskId(source[..slash]), source[(slash + 1)..])
            : new BitmapAddress(new DiskId(disk), source);
}
