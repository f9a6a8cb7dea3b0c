using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using static ActorBackup.Domain.Decision<ActorBackup.Messages.Disks.DiskEvent>;

namespace ActorBackup.Domain.Disks;

/// <summary>Bitmap commands, refused in QEMU's order (its facts are in docs/DESIGN.md).</summary>
public static class BitmapDecider
{
    public static Decision<DiskEvent> Add(DiskState state, DiskCommand.AddBitmap c)
    {
        if (c.Name.Length == 0)
        {
            return Refuse(RefusalCode.InvalidName, "a bitmap's name cannot be empty");
        }

        if (Online(state, c.Disk) is { } refusal)
        {
            return refusal;
        }

        var granularity = c.GranularityBytes ?? state.Definition!.BlockBytes;
        if (!Granularity.IsValidForBitmap(granularity))
        {
            return Refuse(
                RefusalCode.InvalidGranularity,
                $"granularity {granularity} is not allowed for a bitmap; it must be a power of two from {Granularity.BitmapMinBytes} to {Granularity.BitmapMaxBytes} bytes");
        }

        if (state.Bitmaps.ContainsKey(c.Name))
        {
            return Refuse(RefusalCode.Duplicate, $"disk '{c.Disk}' already has a bitmap '{c.Name}'; choose another name or remove it first");
        }

        if (TakenByGroup(state, c.Disk, c.Name) is { } taken)
        {
            return taken;
        }

        if (new BitmapName(c.Name).IsTooLong)
        {
            return Refuse(RefusalCode.InvalidName, $"a bitmap's name has at most {BitmapName.MaxBytes} bytes");
        }

        if (c.Base is { } asserted && RefuseBase(state, c, asserted) is { } refusedBase)
        {
            return refusedBase;
        }

        var counted = c.Base is { } b ? new BitmapBase(b.IsComplete ? BaseState.Valid : BaseState.Partial, b.Point, b.RepositoryId) : BitmapBase.None;
        return Accept(new DiskEvent.BitmapAdded(c.Name, state.NextSetId, granularity, c.Recording, c.Persistent, counted));
    }

    /// <summary>The refusal when a group that is not decided yet adds a bitmap of that name; else null.</summary>
    public static Decision<DiskEvent>? TakenByGroup(DiskState state, DiskId disk, string name) =>
        state.Groups.Values.FirstOrDefault(g => g.Decision is null && g.Overlays.Any(o => o.Name == name)) is { } part
            ? Refuse(RefusalCode.Busy, $"bitmap '{name}' of disk '{disk}' is being added by group {part.Group}; wait for it or cancel it")
            : null;

    public static Decision<DiskEvent> Remove(DiskState state, DiskCommand.RemoveBitmap c) =>
        Find(state, c.Disk, c.Name, needConsistent: false, out _) ?? Accept(new DiskEvent.BitmapRemoved(c.Name));

    public static Decision<DiskEvent> Clear(DiskState state, DiskCommand.ClearBitmap c) =>
        Find(state, c.Disk, c.Name, needConsistent: true, out _) ?? Accept(new DiskEvent.BitmapCleared(c.Name));

    /// <summary>Idempotent: setting what is set already is no event.</summary>
    public static Decision<DiskEvent> SetRecording(DiskState state, DiskCommand.SetBitmapRecording c) =>
        Find(state, c.Disk, c.Name, needConsistent: true, out var bitmap)
        ?? (bitmap!.Recording == c.Recording ? Accept() : Accept(new DiskEvent.BitmapRecordingChanged(c.Name, c.Recording)));

    /// <param name="state">Of the target's disk.</param>
    /// <param name="c">The command.</param>
    /// <param name="foreign">Per source on another disk: its refusal, or null.</param>
    public static Decision<DiskEvent> Merge(DiskState state, DiskCommand.MergeBitmaps c, IReadOnlyDictionary<BitmapAddress, Refusal?> foreign)
    {
        if (Online(state, c.Disk) is { } offline)
        {
            return offline;
        }

        if (!state.Bitmaps.ContainsKey(c.Target))
        {
            return Unknown(c.Disk, c.Target);
        }

        foreach (var source in c.Sources)
        {
            if (source.Disk == c.Disk ? !state.Bitmaps.ContainsKey(source.Name) : foreign[source] is { Code: RefusalCode.UnknownBitmap or RefusalCode.UnknownDisk })
            {
                return source.Disk == c.Disk ? Unknown(source.Disk, source.Name) : new Decision<DiskEvent>([], foreign[source]);
            }

            if (Find(state, c.Disk, c.Target, needConsistent: true, out _) is { } target)
            {
                return target;
            }

            var refused = source.Disk == c.Disk
                ? Find(state, c.Disk, source.Name, needConsistent: true, out _)?.Refusal
                : foreign[source];
            if (refused is not null)
            {
                return new Decision<DiskEvent>([], refused);
            }
        }

        return Find(state, c.Disk, c.Target, needConsistent: true, out _)
            ?? Accept(new DiskEvent.BitmapMerged(c.Target, [.. c.Sources.Select(s => s.Disk == c.Disk ? s.Name : $"{s.Disk}/{s.Name}")]));
    }

    /// <summary>Null when the bitmap exists and may be used; else the refusal: unknown, busy, inconsistent, in this order.</summary>
    public static Decision<DiskEvent>? Find(DiskState state, DiskId disk, string name, bool needConsistent, out BitmapState? bitmap) =>
        FindForExport(state, disk, name, needConsistent, out bitmap)
        ?? (bitmap!.IsExported
            ? Refuse(RefusalCode.Busy, $"bitmap '{name}' of disk '{disk}' is exported over NBD; 'abk disk export {disk}' without it frees it")
            : null);

    /// <summary>The same for one that may be exported already.</summary>
    public static Decision<DiskEvent>? FindForExport(DiskState state, DiskId disk, string name, bool needConsistent, out BitmapState? bitmap)
    {
        bitmap = null;
        if (Online(state, disk) is { } refusal)
        {
            return refusal;
        }

        if (!state.Bitmaps.TryGetValue(name, out bitmap))
        {
            return Unknown(disk, name);
        }

        if (bitmap.Group is { } group)
        {
            return Refuse(RefusalCode.Busy, $"bitmap '{name}' of disk '{disk}' is in use by group {group}; wait for it or cancel it");
        }

        if (bitmap.BusyWith is { } job)
        {
            return Refuse(RefusalCode.Busy, $"bitmap '{name}' of disk '{disk}' is in use by job {job}; wait for it or cancel it");
        }

        return needConsistent && bitmap.InconsistentReason is { } reason
            ? Refuse(RefusalCode.Inconsistent, $"bitmap '{name}' of disk '{disk}' is inconsistent ({reason}); remove it and start with a full backup")
            : null;
    }

    /// <summary>Null when the disk exists and is not stopped.</summary>
    public static Decision<DiskEvent>? Online(DiskState state, DiskId disk) =>
        state.Definition is null ? UnknownDisk(disk)
        : state.IsStopped ? Refuse(RefusalCode.WrongState, $"disk '{disk}' is stopped; start it with 'abk disk start {disk}'")
        : null;

    public static Decision<DiskEvent> UnknownDisk(DiskId disk) =>
        Refuse(RefusalCode.UnknownDisk, $"there is no disk '{disk}'; 'abk disk list' shows the disks");

    private static Decision<DiskEvent>? RefuseBase(DiskState state, DiskCommand.AddBitmap c, AssertedBase asserted)
    {
        var definition = state.Definition!;
        return !c.Recording
                ? Refuse(RefusalCode.InvalidArgument, "a disabled bitmap does not see what is written, so a base of it would be wrong at once; leave out --disabled or --base")
            : state.DeletedPoints.Contains((asserted.Point, asserted.RepositoryId))
                ? Refuse(RefusalCode.UnknownPoint, $"point {asserted.Point} is deleted; 'abk point list' shows the points")
            : asserted.SizeBytes != definition.SizeBytes
                ? Refuse(
                    RefusalCode.InvalidSize,
                    $"disk '{c.Disk}' has {definition.SizeBytes} bytes and point {asserted.Point} {asserted.SizeBytes}, so nothing can count from it; name a point of the same size")
            : asserted.BlockBytes != definition.BlockBytes
                ? Refuse(
                    RefusalCode.InvalidGranularity,
                    $"disk '{c.Disk}' has blocks of {definition.BlockBytes} bytes and point {asserted.Point} of {asserted.BlockBytes}, so nothing can count from it; name a point with the same")
            : null;
    }

    private static Decision<DiskEvent> Unknown(DiskId disk, string name) =>
        Refuse(RefusalCode.UnknownBitmap, $"disk '{disk}' has no bitmap '{name}'; 'abk bitmap list {disk}' shows its bitmaps");
}
