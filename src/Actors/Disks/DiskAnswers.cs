using ActorBackup.Actors.Backups;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>What a disk answers to queries: its state joined with the data plane's figures of this moment.</summary>
public static class DiskAnswers
{
    public static DiskReply Answer(
        DiskState state, DiskQuery query, LocalDisk local, IReadOnlyDictionary<JobId, RunningJob> running, Func<JobState, bool> isRestartDue, DiskLoan? loan)
    {
        if (query is DiskQuery.GetJob job)
        {
            return ViewOf(state, query.Disk, job.Job, local, running, isRestartDue) is { } view
                ? new DiskReply.Job(view)
                : new DiskReply.Rejected(UnknownJob(job.Job));
        }

        if (state.Definition is null)
        {
            return new DiskReply.Rejected(BitmapDecider.UnknownDisk(query.Disk).Refusal!);
        }

        return query switch
        {
            DiskQuery.GetDisk => DescribeDisk(state, query.Disk, local, loan),
            DiskQuery.GetBitmaps => new DiskReply.Bitmaps([.. state.Bitmaps.Values.Select(b => DescribeBitmap(b, local))]),
            DiskQuery.GetBitmapExtents q => DescribeExtents(state, q, local, running),
            DiskQuery.GetJobs => new DiskReply.Jobs([.. state.Jobs.Keys.Select(j => ViewOf(state, query.Disk, new JobId(j), local, running, isRestartDue)!)]),
            _ => new DiskReply.Rejected(new Refusal(RefusalCode.InvalidArgument, $"unknown query {query.GetType().Name}")),
        };
    }

    public static DiskReply DescribeDisk(DiskState state, DiskId disk, LocalDisk local, DiskLoan? loan)
    {
        if (state.Definition is not { } definition)
        {
            return new DiskReply.Rejected(BitmapDecider.UnknownDisk(disk).Refusal!);
        }

        var (condition, reason) = state.IsStopped ? (DiskCondition.Stopped, null)
            : local.Refusal is { } refusal ? (DiskCondition.Error, refusal.Message)
            : local.Disk is null ? (DiskCondition.Offline, "no node serves it now")
            : local.Disk.Fault is { } fault ? (DiskCondition.Error, fault)
            : (DiskCondition.Online, (string?)null);
        var isLent = loan is DiskLoan.ForRestore;
        return new DiskReply.Disk(new DiskView(definition, condition, reason ?? WhyNotExported(state, disk, isLent), state.LastPoint, state.LastSuccessAt)
        {
            HalfRestoredBy = isLent ? null : state.Restore?.Job,
            ExportedBitmaps = [.. state.ExportedBitmaps.Select(b => b.Name)],
        });
    }

    private static string? WhyNotExported(DiskState state, DiskId disk, bool isLent) =>
        state.Restore is not { } restore ? null
        : isLent ? $"job {restore.Job} restores point {restore.Point} into it; it is exported again when that has succeeded"
        : $"half restored: job {restore.Job} did not get to the end of point {restore.Point}, so it is not exported; 'abk job retry {restore.Job}' restores the rest, 'abk disk export {disk}' exports it as it is";

    public static JobView? ViewOf(
        DiskState state, DiskId disk, JobId id, LocalDisk local, IReadOnlyDictionary<JobId, RunningJob> running, Func<JobState, bool> isRestartDue)
    {
        if (!state.Jobs.TryGetValue(id.Value, out var job))
        {
            return null;
        }

        var live = running.GetValueOrDefault(id);
        var view = new JobView
        {
            Id = id,
            Kind = JobKind.Backup,
            Disk = disk,
            Repository = job.Spec.RepositoryId.Length == 0 ? null : job.Spec.Repository,
            Status = JobStatus.Aborting,
            IsDismissed = job.IsDismissed,
            Sync = job.Spec.Sync,
            RequestedSync = job.Spec.RequestedSync,
            FallbackReason = job.Spec.FallbackReason,
            Bitmap = job.Spec.Bitmap,
            Group = job.Spec.Group,
            Policy = job.Policy,
            StartedAt = job.StartedAt,
            RetryOf = job.Spec.RetryOf,
            Restarts = job.Spec.Restarts,
            RateBytesPerSecond = live?.Control.Rate.BytesPerSecond ?? job.Spec.RateBytesPerSecond,
        };
        // Until the tracking file is settled the bitmap is busy and its bits are three sets: the job has not ended for whoever waits for it.
        if (job.Conclusion is { } c && (job.IsSettled || (live is null && local.Disk is null)))
        {
            return view with
            {
                Status = JobStatus.Concluded,
                Outcome = c.Outcome,
                Statistics = c.Statistics,
                Error = c.Error,
                ErrorCode = c.ErrorCode,
                BadExtents = c.BadExtents,
                Point = c.Point,
                EndedAt = job.EndedAt,
                RetriedAs = c.Outcome == JobOutcome.Success ? null : JobRestarts.Next(state, job)?.Spec.Id,
                IsRestartDue = isRestartDue(job),
            };
        }

        if (live is null && job.Pending is { } pending)
        {
            return view with
            {
                Status = job.Spec.IsGrouped ? JobStatus.Waiting : JobStatus.Pending,
                Statistics = pending.Statistics,
                Phase = job.Spec.IsGrouped ? "waiting for its group" : "waiting for finalize",
                Error = pending.Error,
                ErrorCode = pending.ErrorCode,
                BadExtents = pending.BadExtents,
            };
        }

        if (live is null && job.Suspended is { } suspended && local.Disk?.Suspended.Contains(new SuspendedSnapshot(id, suspended.Generation)) == true)
        {
            return view with
            {
                Status = suspended.IsPaused ? JobStatus.Paused : JobStatus.Running,
                Statistics = suspended.Statistics,
                Phase = "waiting to go on",
                Error = suspended.Error,
                ErrorCode = suspended.ErrorCode,
                IsStopped = suspended.Error is not null,
                RateBytesPerSecond = suspended.RateBytesPerSecond,
            };
        }

        // Not concluded and not running here: it died with its process and waits for its repository to be concluded.
        return live is null
            ? view with { Phase = "recovering" }
            : view with
            {
                Status = live.Control.Status,
                IsDecided = live.Control.IsDecided,
                Statistics = live.Progress.Read(),
                Phase = live.Progress.Phase,
                Error = (live.Control.Failure ?? live.Control.StoppedBy)?.Message,
                ErrorCode = (live.Control.Failure ?? live.Control.StoppedBy)?.Code.ToString(),
                BadExtents = live.BadExtents(),
                IsStopped = live.Control.StoppedBy is not null,
                NbdUri = live.Uri(),
            };
    }

    public static Refusal UnknownJob(JobId job) =>
        new(RefusalCode.UnknownJob, $"there is no job '{job}'; 'abk job list' shows the jobs");

    private static BitmapView DescribeBitmap(BitmapState b, LocalDisk local)
    {
        var dirty = local.Disk is { } disk ? disk.DirtyBytes(b.SetId) : 0;
        return new BitmapView(
            b.Name,
            b.GranularityBytes,
            dirty,
            b.Recording && b.InconsistentReason is null,
            b.BusyWith,
            b.Persistent,
            b.InconsistentReason,
            b.Base)
        {
            IsExported = b.IsExported,
            Group = b.Group,
        };
    }

    private static DiskReply DescribeExtents(
        DiskState state, DiskQuery.GetBitmapExtents q, LocalDisk local, IReadOnlyDictionary<JobId, RunningJob> running)
    {
        if (!state.Bitmaps.TryGetValue(q.Name, out var bitmap))
        {
            return new DiskReply.Rejected(new Refusal(
                RefusalCode.UnknownBitmap, $"disk '{q.Disk}' has no bitmap '{q.Name}'; 'abk bitmap list {q.Disk}' shows its bitmaps"));
        }

        if (bitmap.InconsistentReason is { } reason)
        {
            return new DiskReply.Rejected(new Refusal(
                RefusalCode.Inconsistent, $"bitmap '{q.Name}' of disk '{q.Disk}' is inconsistent ({reason}); its bits mean nothing"));
        }

        if (local.Disk is not { } disk)
        {
            return new DiskReply.Rejected(local.Refusal ?? new Refusal(RefusalCode.WrongState, $"disk '{q.Disk}' is not served by this node"));
        }

        var job = bitmap.BusyWith is { } busy ? state.Jobs[busy.Value] : null;
        return (q.Set ?? BitmapSet.Sync, job) switch
        {

            // What a job of a group was told to copy may be what the group made of the bitmap.
            (BitmapSet.Sync, { } j) => new DiskReply.Extents(disk.Extents(j.Spec.BitmapSet)),
            (BitmapSet.Sync, null) => new DiskReply.Extents(disk.Extents(bitmap.SetId)),
            (_, null) => new DiskReply.Rejected(new Refusal(
                RefusalCode.WrongState, $"bitmap '{q.Name}' is not in use by a job, so it has no {q.Set.ToString()!.ToLowerInvariant()} set")),
            (BitmapSet.Successor, { } j) => new DiskReply.Extents(disk.Extents(j.Spec.SuccessorSet)),
            (_, { } j) => new DiskReply.Extents(
                running.GetValueOrDefault(j.Spec.Id)?.CopyBitmap() is { } copy ? [.. copy.Extents()] : disk.Extents(bitmap.SetId)),
        };
    }
}
