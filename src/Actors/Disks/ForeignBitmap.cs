using ActorBackup.Core.Blocks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using Akka.Actor;

namespace ActorBackup.Actors.Disks;

/// <summary>A bitmap of another disk, as a source of a merge: its dirty extents, or why it cannot be one.</summary>
public sealed record ForeignBitmap(BitmapAddress Address, long DiskSizeBytes, IReadOnlyList<Extent> Dirty, Refusal? Refusal)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Null when it can be merged into a bitmap of a disk of this size.</summary>
    public Refusal? RefusalFor(long sizeBytes) =>
        Refusal
        ?? (DiskSizeBytes == sizeBytes
            ? null
            : new Refusal(RefusalCode.InvalidSize, $"disk '{Address.Disk}' has {DiskSizeBytes} bytes and the target's disk {sizeBytes}; only bitmaps of disks of equal size can be merged"));

    public static async Task<IReadOnlyDictionary<BitmapAddress, ForeignBitmap>> FetchAsync(IActorRef disks, IEnumerable<BitmapAddress> addresses)
    {
        var fetched = new Dictionary<BitmapAddress, ForeignBitmap>();
        foreach (var address in addresses.Distinct())
        {
            fetched[address] = await FetchAsync(disks, address).ConfigureAwait(false);
        }

        return fetched;
    }

    private static async Task<ForeignBitmap> FetchAsync(IActorRef disks, BitmapAddress address)
    {
        if (await disks.Ask<DiskReply>(new DiskQuery.GetDisk { Disk = address.Disk }, Patience).ConfigureAwait(false) is not DiskReply.Disk disk)
        {
            return Refused(address, new Refusal(RefusalCode.UnknownDisk, $"there is no disk '{address.Disk}'; 'abk disk list' shows the disks"));
        }

        var bitmaps = await disks.Ask<DiskReply>(new DiskQuery.GetBitmaps { Disk = address.Disk }, Patience).ConfigureAwait(false);
        var bitmap = (bitmaps as DiskReply.Bitmaps)?.Views.FirstOrDefault(b => b.Name == address.Name);
        if (bitmap is null)
        {
            return Refused(address, new Refusal(
                RefusalCode.UnknownBitmap, $"disk '{address.Disk}' has no bitmap '{address.Name}'; 'abk bitmap list {address.Disk}' shows its bitmaps"));
        }

        if (bitmap.BusyWith is { } job)
        {
            return Refused(address, new Refusal(RefusalCode.Busy, $"bitmap '{address.Name}' of disk '{address.Disk}' is in use by job {job}; wait for it or cancel it"));
        }

        if (bitmap.IsExported)
        {
            return Refused(address, new Refusal(
                RefusalCode.Busy, $"bitmap '{address.Name}' of disk '{address.Disk}' is exported over NBD; 'abk disk export {address.Disk}' without it frees it"));
        }

        return await disks.Ask<DiskReply>(new DiskQuery.GetBitmapExtents(address.Name, null) { Disk = address.Disk }, Patience).ConfigureAwait(false) switch
        {
            DiskReply.Extents extents => new ForeignBitmap(address, disk.View.Definition.SizeBytes, extents.Dirty, null),
            DiskReply.Rejected rejected => Refused(address, rejected.Refusal),
            var other => throw new InvalidOperationException($"Unexpected answer {other.GetType().Name}."),
        };
    }

    private static ForeignBitmap Refused(BitmapAddress address, Refusal refusal) => new(address, 0, [], refusal);
}
