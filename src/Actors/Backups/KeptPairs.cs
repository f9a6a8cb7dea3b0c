using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Backups;

/// <summary>Partial points that exist only as a pair in the tracking file, because their repository was gone when their job failed (ADR 3).</summary>
internal static class KeptPairs
{
    /// <summary>Puts the point and lets the tracking file forget the pair. False when there is no pair to make it from.</summary>
    public static async Task<bool> PublishAsync(TrackedDisk disk, DiskDefinition definition, JobState job, OpenRepository repository)
    {
        if (!disk.TryGetCheckpoint(job.Spec.Id, out var pair))
        {
            return false;
        }

        var point = PointBuilder.BuildFromCopy(definition, job.Spec, pair.Copy, pair.Root, job.StartedAt);
        if (await repository.Data.Points.PublishAsync(point, CancellationToken.None).ConfigureAwait(false) == PublishOutcome.Buried)
        {
            return false;
        }

        await disk.ForgetCheckpointAsync(job.Spec.Id).ConfigureAwait(false);
        return true;
    }

    /// <summary>Whether some bitmap still counts from the point that the job left.</summary>
    public static bool IsWanted(DiskState state, JobId job) => state.Bitmaps.Values.Any(b => b.Base.Point?.Value == job.Value);
}
