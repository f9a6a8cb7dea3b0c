using ActorBackup.Api;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary>Which disks need somebody's attention.</summary>
/// <param name="Disks">Every disk.</param>
/// <param name="Unprotected">Without a successful backup.</param>
/// <param name="Overdue">Whose last success is too long ago.</param>
/// <param name="Failing">Whose last backup failed, whose job stopped on an error, whose backing is not served though nobody stopped it, or which is half restored.</param>
/// <param name="Waiting">Which have a job that goes on only when a person says so: it stopped on an error, or waits to be finalized.</param>
public sealed record Protection(
    IReadOnlyList<DiskProtection> Disks,
    IReadOnlyList<string> Unprotected,
    IReadOnlyList<string> Overdue,
    IReadOnlyList<string> Failing,
    IReadOnlyList<string> Waiting)
{
    public bool IsWell => Unprotected.Count + Overdue.Count + Failing.Count + Waiting.Count == 0;

    /// <param name="disks">All disks.</param>
    /// <param name="jobs">All jobs.</param>
    /// <param name="now">The time.</param>
    /// <param name="overdueAfter">Longest acceptable age of the last success.</param>
    public static Protection Of(
        IReadOnlyList<DiskResource> disks, IReadOnlyList<JobResource> jobs, DateTimeOffset now, TimeSpan overdueAfter)
    {
        var rows = disks.Select(d => Row(d, jobs, now, overdueAfter)).ToList();
        IReadOnlyList<string> With(string problem) => [.. rows.Where(r => r.Problems.Contains(problem)).Select(r => r.Id)];
        return new Protection(rows, With("unprotected"), With("overdue"), With("failing"), With("waiting"));
    }

    private static DiskProtection Row(DiskResource disk, IReadOnlyList<JobResource> jobs, DateTimeOffset now, TimeSpan overdueAfter)
    {
        var last = jobs.Where(j => j is { Kind: "backup", Outcome: not null } && j.Disk == disk.Id).MaxBy(j => j.Id, StringComparer.Ordinal);
        var waiting = jobs.Where(j => j.Disk == disk.Id && NeedsPerson(j)).MaxBy(j => j.Id, StringComparer.Ordinal);
        var hasFailed = last is { Outcome: "failed" or "interrupted" };
        var problems = new List<string>();
        if (disk.LastSuccessAt is not { } success)
        {
            problems.Add("unprotected");
        }
        else if (now - success > overdueAfter)
        {
            problems.Add("overdue");
        }

        if (disk.State is "error" or "offline" || disk.HalfRestoredBy is not null || hasFailed || waiting?.Error is not null)
        {
            problems.Add("failing");
        }

        if (waiting is not null)
        {
            problems.Add("waiting");
        }

        var reason = disk.StateReason ?? (waiting is not null ? JobText.PersonNeeded(waiting) : hasFailed ? last!.Error : null);
        return new DiskProtection(disk.Id, disk.State, disk.LastPoint, disk.LastSuccessAt, problems, reason);
    }

    /// <summary>As the node says; a node that says nothing of it is taken to mean a job that is paused with an error or pending.</summary>
    private static bool NeedsPerson(JobResource job) =>
        job.NeedsPerson ?? job is { Status: "paused", Error: not null } or { Status: "pending" };
}

/// <param name="Id">The disk.</param>
/// <param name="State">Its state.</param>
/// <param name="LastPoint">Its newest point.</param>
/// <param name="LastSuccessAt">When a backup last succeeded.</param>
/// <param name="Problems">unprotected, overdue, failing, waiting; empty when all is well.</param>
/// <param name="Reason">What the node says about it.</param>
public sealed record DiskProtection(
    string Id, string State, string? LastPoint, DateTimeOffset? LastSuccessAt, IReadOnlyList<string> Problems, string? Reason);
