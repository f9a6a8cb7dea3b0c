using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>What a finished job leaves: remainder and base, from its outcome, its policy and the points that exist.</summary>
public static class ConclusionDecider
{
    /// <param name="job">The job, with its policy of this moment.</param>
    /// <param name="end">How it ended.</param>
    public static JobConclusion Conclude(JobState job, JobEnd end)
    {
        var succeeded = end.Outcome == JobOutcome.Success;
        var policy = job.Policy ?? BitmapSyncPolicy.Never;
        // The bits of copied blocks may go only when a point that has those blocks exists: without it there is nothing to count from.
        var remainder = SyncPolicy.Remainder(policy, succeeded, end.IsForced, end.Point is not null);
        var newBase = job.Spec.Bitmap is null || remainder == BitmapRemainder.SyncBitmap || end.Point is not { } point
            ? null
            : new BitmapBase(end.IsPointComplete ? BaseState.Valid : BaseState.Partial, point, job.Spec.RepositoryId);
        return new JobConclusion(
            end.Outcome, remainder, newBase, end.Point, end.Error, end.ErrorCode, end.Statistics, end.BadExtents);
    }

    /// <summary>Whether a job that does not succeed should try to keep its copied blocks as a partial point.</summary>
    public static bool KeepsPartialPoint(JobState job, bool isForced) => job.Policy == BitmapSyncPolicy.Always && !isForced;
}

/// <param name="Outcome">Of the job.</param>
/// <param name="IsForced">Cancelled by force, or discarded.</param>
/// <param name="Point">The point that is durable in the repository.</param>
/// <param name="IsPointComplete">It lacks no block.</param>
public sealed record JobEnd(
    JobOutcome Outcome,
    bool IsForced,
    PointId? Point,
    bool IsPointComplete,
    string? Error,
    string? ErrorCode,
    JobStatistics Statistics,
    IReadOnlyList<Extent> BadExtents);
