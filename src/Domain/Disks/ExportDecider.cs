using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using static ActorBackup.Domain.Decision<ActorBackup.Messages.Disks.DiskEvent>;

namespace ActorBackup.Domain.Disks;

/// <summary>Whether and with which bitmaps a disk is exported. An exported bitmap goes on recording and is busy.</summary>
public static class ExportDecider
{
    /// <summary>Every bitmap that a client reads costs memory in each of its requests.</summary>
    public const int BitmapsMax = 32;

    /// <summary>Idempotent: what is exported already with these bitmaps is no event. A disk that is half restored is taken as it is.</summary>
    public static Decision<DiskEvent> Export(DiskState state, DiskCommand.ExportDisk c, DateTimeOffset now)
    {
        if (c.Bitmaps.Count > BitmapsMax)
        {
            return Refuse(RefusalCode.InvalidArgument, $"a disk can be exported with at most {BitmapsMax} bitmaps, and {c.Bitmaps.Count} were named");
        }

        if (BitmapDecider.Online(state, c.Disk) is { } offline)
        {
            return offline;
        }

        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in c.Bitmaps)
        {
            if (BitmapDecider.FindForExport(state, c.Disk, name, needConsistent: true, out _) is { } refusal)
            {
                return refusal;
            }

            if (!named.Add(name))
            {
                return Refuse(RefusalCode.Busy, $"bitmap '{name}' of disk '{c.Disk}' cannot be exported twice; name it once");
            }
        }

        var isAsBefore = !state.IsUnexported && named.SetEquals(state.ExportedBitmaps.Select(b => b.Name));
        return new Decision<DiskEvent>(
            [
                .. state.Restore is null ? Array.Empty<DiskEvent>() : [new DiskEvent.DiskRestoreEnded(now)],
                .. isAsBefore ? Array.Empty<DiskEvent>() : [new DiskEvent.DiskExported([.. c.Bitmaps], now)],
            ],
            null);
    }

    /// <summary>Idempotent.</summary>
    public static Decision<DiskEvent> Unexport(DiskState state, DiskId disk, DateTimeOffset now) =>
        BitmapDecider.Online(state, disk)
        ?? (state.IsUnexported ? Accept() : Accept(new DiskEvent.DiskUnexported(now)));

    /// <summary>The restore's job has ended and gives the disk back. No event = it stays half restored.</summary>
    public static Decision<DiskEvent> EndRestore(DiskState state, DiskCommand.EndRestore c, DateTimeOffset now) =>
        state.Restore is { } restore && restore.Job == c.Job && (c.IsComplete || (c.IsUntouched && restore.WasWhole))
            ? Accept(new DiskEvent.DiskRestoreEnded(now))
            : Accept();

    /// <summary>Null when the disk may get another size: a bitmap keeps its size for as long as somebody reads it.</summary>
    public static Refusal? RefuseResize(DiskState state, DiskId disk) =>
        state.ExportedBitmaps.FirstOrDefault() is { } bitmap
            ? new Refusal(RefusalCode.Busy, $"disk '{disk}' cannot be resized while its bitmap '{bitmap.Name}' is exported over NBD; 'abk disk export {disk}' without bitmaps frees it")
            : null;
}
