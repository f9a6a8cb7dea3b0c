using ActorBackup.Api;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Node.Http;

/// <summary>The actions of a group as commands for its disks.</summary>
public static class GroupActions
{
    /// <summary>The commands, in order; or the problem of the first action that can never be carried out.</summary>
    public static async Task<(IReadOnlyList<DiskCommand> Actions, IResult? Problem)> ReadAsync(IReadOnlyList<GroupActionRequest> requests, NodeGateway node)
    {
        var actions = new List<DiskCommand>();
        foreach (var request in requests)
        {
            var (action, problem) = await ReadAsync(request, node);
            if (action is null)
            {
                return ([], problem);
            }

            actions.Add(action);
        }

        return (actions, null);
    }

    private static async Task<(DiskCommand? Action, IResult? Problem)> ReadAsync(GroupActionRequest? request, NodeGateway node)
    {
        if (request?.Backup is { } backup && CountOf(request) == 1)
        {
            return await BackupEndpoints.ReadAsync(backup, node);
        }

        if (request?.BitmapMerge is { } merge && merge.Sources.Contains(null!))
        {
            return (null, Problem.Of(ErrorCodes.InvalidArgument, "the name of a source is missing"));
        }

        if (CountOf(request) != 1)
        {
            return (null, Problem.Of(
                ErrorCodes.InvalidArgument,
                "an action of a group is exactly one of backup, bitmapAdd, bitmapClear, bitmapEnable, bitmapDisable and bitmapMerge"));
        }

        // No actor has a name that no disk can have, so none would answer.
        var action = BitmapAction(request!);
        return ObjectName.IsValid(action.Disk.Value) ? (action, null) : (null, Problem.Of(BitmapDecider.UnknownDisk(action.Disk).Refusal!));
    }

    /// <summary>JSON may have a null where an action belongs.</summary>
    private static int CountOf(GroupActionRequest? r) =>
        r is null ? 0 : new object?[] { r.Backup, r.BitmapAdd, r.BitmapClear, r.BitmapEnable, r.BitmapDisable, r.BitmapMerge }.Count(a => a is not null);

    private static DiskCommand BitmapAction(GroupActionRequest request) =>
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
