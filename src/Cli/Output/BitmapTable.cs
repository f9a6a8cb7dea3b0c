using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>Bitmaps for people.</summary>
public static class BitmapTable
{
    public static void Rows(TableWriter table, IEnumerable<BitmapResource> bitmaps) =>
        table.Rows(
            "no bitmaps; add one with 'abk bitmap add DISK NAME'",
            ["BITMAP", ">GRANULARITY", ">DIRTY", "FLAGS", "BASE", "REPOSITORY", "BASE STATE"],
            bitmaps.Select(b => (IReadOnlyList<string>)
            [
                b.Name, ByteSize.Format(b.Granularity), ByteSize.Format(b.DirtyBytes), Flags(b),
                b.Base ?? "-", b.BaseRepo ?? "-", b.BaseState,
            ]));

    private static string Flags(BitmapResource bitmap)
    {
        var inconsistent = bitmap.InconsistentReason is null ? "inconsistent" : $"inconsistent ({bitmap.InconsistentReason})";
        string?[] flags =
        [
            bitmap.Recording ? "recording" : "disabled",
            bitmap.Busy ? "busy" : null,
            bitmap.Exported ? "exported" : null,
            bitmap.Persistent ? null : "transient",
            bitmap.Inconsistent ? inconsistent : null,
        ];
        return string.Join(' ', flags.Where(f => f is not null));
    }
}
