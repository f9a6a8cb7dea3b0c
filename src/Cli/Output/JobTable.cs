using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>Jobs for people.</summary>
public static class JobTable
{
    public static void Rows(TableWriter table, IEnumerable<JobResource> jobs) =>
        table.Rows(
            "no jobs",
            ["JOB", "KIND", "DISK", "REPOSITORY", "STATUS", "OUTCOME", "SYNC", ">DONE", ">SENT", "STARTED"],
            jobs.Select(j => (IReadOnlyList<string>)
            [
                j.Id, j.Kind, j.Disk ?? "-", j.Repo ?? "-", j.Status, j.Outcome ?? "-", j.Sync ?? "-",
                $"{JobText.Percent(j)}%", ByteSize.Format(j.BytesSent), TimeText.Format(j.StartedAt),
            ]));

    public static void Card(TableWriter table, JobResource job) =>
        table.Card(
            ("id", job.Id),
            ("kind", job.Kind),
            ("disk", job.Disk),
            ("repository", job.Repo),
            ("status", job.Outcome is null ? job.Status : $"{job.Status}, {job.Outcome}{(job.Dismissed ? ", dismissed" : "")}"),
            ("sync", job.Sync == job.RequestedSync ? job.Sync : $"{job.Sync} (asked for: {job.RequestedSync})"),
            ("fallback", job.FallbackReason),
            ("bitmap", job.Bitmap is null ? null : $"{job.Bitmap}, policy {job.Policy}"),
            ("done", $"{ByteSize.Format(job.BytesDone)} of {ByteSize.Format(job.BytesTotal)} ({JobText.Percent(job)}%)"),
            ("sent", ByteSize.Format(job.BytesSent)),
            ("reused", ByteSize.Format(job.BytesReused)),
            ("zero", ByteSize.Format(job.BytesZero)),
            ("rate limit", job.RateBytesPerSecond == 0 ? "none" : $"{ByteSize.Format(job.RateBytesPerSecond)}/s"),
            ("error", job.Error),
            ("bad extents", job.BadExtents.Count == 0 ? null : string.Join(", ", job.BadExtents.Select(e => $"{e.Offset}+{e.Length}"))),
            ("point", job.Point),
            ("target", job.Target),
            ("export", job.NbdUri),
            ("started", TimeText.Format(job.StartedAt)),
            ("ended", TimeText.Format(job.EndedAt)));
}
