using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>Recovery points for people.</summary>
public static class PointTable
{
    public static void Rows(TableWriter table, IEnumerable<PointResource> points) =>
        table.Rows(
            "no points; make one with 'abk backup DISK --wait'",
            ["POINT", "DISK", "REPOSITORY", "STATE", "CREATED", ">SIZE", "BASE"],
            points.Select(p => (IReadOnlyList<string>)
                [p.Id, p.Disk, p.Repo, p.State, TimeText.Format(p.CreatedAt), ByteSize.Format(p.SizeBytes), p.Base ?? "-"]));

    public static void Card(TableWriter table, PointResource point) =>
        table.Card(
            ("id", point.Id),
            ("disk", point.Disk),
            ("repository", point.Repo),
            ("state", point.State),
            ("missing", point.Missing.Count == 0 ? null : $"{ByteSize.Format(point.Missing.Sum(e => e.Length))} in {point.Missing.Count} extents"),
            ("created", TimeText.Exact(point.CreatedAt)),
            ("size", $"{point.SizeBytes} ({ByteSize.Format(point.SizeBytes)})"),
            ("block", ByteSize.Format(point.Granularity)),
            ("root", point.Root),
            ("base", point.Base),
            ("job", point.Job));
}
