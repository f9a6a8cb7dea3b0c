using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>A job in words: one line while it runs, one when it ended.</summary>
public static class JobText
{
    private const int BarWidth = 20;

    /// <example><c>copying  42% ████████············ 430 MiB of 1.00 GiB  85.0 MiB/s  0:07 left  dirty 594 MiB  sent 108 MiB  reused 12.0 MiB  zero 300 MiB</c></example>
    /// <param name="job">While it runs.</param>
    /// <param name="rate">Of this job.</param>
    /// <param name="width">Columns there are; the bar and the sum go first where it is tight.</param>
    public static string Progress(JobResource job, ProgressRate rate, int width = int.MaxValue)
    {
        var head = $"{Phase(job)} {Percent(job),3}%";
        var sum = $"{ByteSize.Format(job.BytesDone)} of {ByteSize.Format(job.BytesTotal)}";
        var rest = Rest(job, rate);
        string[] lines = [$"{head} {Bar(job)} {sum}  {rest}", $"{head} {sum}  {rest}", $"{head}  {rest}"];
        var line = lines.FirstOrDefault(l => l.Length < width, lines[^1]);
        return line.Length < width ? line : line[..(width - 1)];
    }

    private static string Rest(JobResource job, ProgressRate rate)
    {
        var left = Math.Max(0, job.BytesTotal - job.BytesDone);
        var speed = rate.BytesPerSecond is { } bytes ? $"{ByteSize.Format((long)bytes)}/s" : "- B/s";
        var time = job.Status == "running" && left > 0 && rate.TimeFor(left) is { } needed ? $"  {TimeText.Format(needed)} left" : "";
        return $"{speed}{time}  dirty {ByteSize.Format(left)}  {Counts(job)}";
    }

    public static string Ended(JobResource job)
    {
        var subject = $"{job.Kind} {job.Id}{(job.Disk is null ? "" : $" of {job.Disk}")}";
        var took = job is { StartedAt: { } start, EndedAt: { } end } ? $" in {TimeText.Format(end - start)}" : "";
        return $"{subject}: {job.Outcome ?? job.Status}{took}, {ByteSize.Format(job.BytesDone)} of {ByteSize.Format(job.BytesTotal)}, {Counts(job)}"
            + (job.Point is null ? "" : $", point {job.Point}");
    }

    public static string Started(JobResource job) =>
        job.NbdUri is { } uri ? $"{job.Kind} {job.Id} of {job.Disk} serves the disk as it was at {uri} until 'abk job cancel {job.Id}'"
        : $"{job.Kind} {job.Id}{(job.Disk is null ? "" : $" of {job.Disk}")} {job.Status}; 'abk job watch {job.Id}' shows how it goes";

    /// <summary>Of a job that goes on only when a person says so: why, and how.</summary>
    public static string PersonNeeded(JobResource job) =>
        job.Status == "pending"
            ? $"job {job.Id} waits to be finalized{(job.Error is null ? "" : $" (it failed: {job.Error})")}: 'abk job finalize {job.Id}{(job.Error is null ? "" : " --keep' or '--discard")}'"
            : $"job {job.Id} stopped on an error: {job.Error}; mend it and 'abk job resume {job.Id}', or 'abk job cancel {job.Id}'";

    /// <summary>Whole percent; 100 only when nothing is left.</summary>
    public static int Percent(JobResource job) =>
        job.BytesTotal <= 0 ? (job.Status == "concluded" ? 100 : 0)
        : job.BytesDone >= job.BytesTotal ? 100
        : (int)((Int128)job.BytesDone * 100 / job.BytesTotal);

    private static string Counts(JobResource job) =>
        $"sent {ByteSize.Format(job.BytesSent)}  reused {ByteSize.Format(job.BytesReused)}  zero {ByteSize.Format(job.BytesZero)}";

    private static string Phase(JobResource job) =>
        job.Status == "running" ? job.Phase ?? "running" : job.Outcome ?? job.Status;

    private static string Bar(JobResource job)
    {
        var full = Percent(job) * BarWidth / 100;
        return string.Create(CultureInfo.InvariantCulture, $"{new string('█', full)}{new string('·', BarWidth - full)}");
    }
}
