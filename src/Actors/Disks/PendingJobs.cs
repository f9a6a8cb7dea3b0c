using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Jobs;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>Ends jobs that wait for a person since an earlier process of the node: what they copied is a pair in the tracking file.</summary>
internal static class PendingJobs
{
    /// <summary>Puts the point or the tombstone at the job's key; whatever was there first has decided (rule 12).</summary>
    /// <param name="state">Of the disk.</param>
    /// <param name="disk">Its data plane.</param>
    /// <param name="job">In pending, with the policy that counts.</param>
    /// <param name="command">Finalize or cancel.</param>
    /// <param name="repositories">Of this node.</param>
    /// <exception cref="RefusedException">The repository cannot be asked: nothing changed.</exception>
    public static Task<JobEnd> DecideAsync(DiskState state, TrackedDisk disk, JobState job, DiskCommand command, IRepositories repositories) =>
        Patience.WithRepositoryAsync(
            repositories, job.Spec.RepositoryId, job.Spec.Repository.Value, repository => DecideAsync(state, disk, job, command, repository));

    /// <summary>What was decided, when all that is known of that is the point that it left.</summary>
    public static JobEnd EndOf(RecoveryPoint point, PendingJob pending) =>
        point.IsAborted
            ? new JobEnd(
                pending.Error is null ? JobOutcome.Cancelled : JobOutcome.Failed, false, point.Id, false, pending.Error ?? "cancelled",
                pending.ErrorCode ?? nameof(RefusalCode.WrongState), pending.Statistics, pending.BadExtents)
            : Success(point, pending);

    private static JobEnd Success(RecoveryPoint point, PendingJob pending) =>
        new(JobOutcome.Success, false, point.Id, point.IsComplete, null, null, pending.Statistics, pending.BadExtents);

    private static async Task<JobEnd> DecideAsync(DiskState state, TrackedDisk disk, JobState job, DiskCommand command, OpenRepository repository)
    {
        var pending = job.Pending!;
        var decision = command is DiskCommand.FinalizeJob finalize ? JobDecisions.Of(finalize.Keep) : JobDecision.Policy;
        var isForced = decision == JobDecision.Discard || command is DiskCommand.CancelJob { Force: true };
        var succeeds = pending.Error is null && command is DiskCommand.FinalizeJob && !isForced;
        var keeps = !isForced && (succeeds || decision == JobDecision.Keep || job.Policy == BitmapSyncPolicy.Always);
        var point = keeps
            ? await PairPoint.TryBuildAsync(state, disk, job, repository, pending.Instant, isAborted: !succeeds).ConfigureAwait(false)
            : null;
        var points = repository.Data.Points;
        var id = new PointId(job.Spec.Id.Value);
        if (point is null)
        {
            await points.BuryAsync(id, CancellationToken.None).ConfigureAwait(false);
        }
        else
        {
            await points.PublishAsync(point, CancellationToken.None).ConfigureAwait(false);
        }

        var there = await points.TryGetAsync(id, CancellationToken.None).ConfigureAwait(false);
        return there is { IsAborted: false }
            ? Success(there, pending)
            : NoSuccess(command, pending, isForced, there);
    }

    private static JobEnd NoSuccess(DiskCommand command, PendingJob pending, bool isForced, RecoveryPoint? kept)
    {
        var outcome = command is DiskCommand.CancelJob ? JobOutcome.Cancelled : pending.Error is not null || isForced ? JobOutcome.Failed : JobOutcome.Interrupted;
        var error = outcome == JobOutcome.Cancelled ? "cancelled"
            : pending.Error ?? (isForced ? "the job was discarded by 'finalize --discard'" : "what it had copied is lost with the tracking file");
        return new JobEnd(
            outcome, isForced, kept?.Id, false, error, pending.ErrorCode ?? nameof(RefusalCode.WrongState), pending.Statistics, pending.BadExtents);
    }
}
