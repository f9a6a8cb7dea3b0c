using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>Disks for people.</summary>
public static class DiskTable
{
    public static void Rows(TableWriter table, IEnumerable<DiskResource> disks) =>
        table.Rows(
            "no disks; add one with 'abk disk add ID --file PATH'",
            ["DISK", ">SIZE", ">BLOCK", "STATE", ">CLIENTS", "LAST SUCCESS", "BACKING"],
            disks.Select(d => (IReadOnlyList<string>)
            [
                d.Id, ByteSize.Format(d.SizeBytes), ByteSize.Format(d.Granularity), d.State,
                d.Clients.ToString(CultureInfo.InvariantCulture), TimeText.Format(d.LastSuccessAt), d.Backing,
            ]));

    public static void Card(TableWriter table, DiskResource disk) =>
        table.Card(
            ("id", disk.Id),
            ("size", $"{disk.SizeBytes} ({ByteSize.Format(disk.SizeBytes)})"),
            ("block", ByteSize.Format(disk.Granularity)),
            ("backing", disk.Backing + (disk.ReadOnly ? " (read-only)" : "")),
            ("export", disk.NbdUri),
            ("bitmaps", disk.ExportedBitmaps.Count > 0 ? string.Join(", ", disk.ExportedBitmaps) : null),
            ("state", disk.StateReason is null ? disk.State : $"{disk.State}: {disk.StateReason}"),
            ("host", disk.Host),
            ("clients", disk.Clients.ToString(CultureInfo.InvariantCulture)),
            ("tracking", disk.TrackingFile),
            ("last point", disk.LastPoint),
            ("last success", TimeText.Format(disk.LastSuccessAt)));
}
