using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>Looks whether the points are there that a disk's bitmaps count from.</summary>
internal static class BaseLook
{
    /// <summary>Of points of which it can be told now: not of those whose repository is away, or that are a pair in the tracking file until they can be put.</summary>
    public static async Task<IReadOnlyDictionary<(PointId Point, string RepositoryId), BaseState>> LookAsync(DiskState state, TrackedDisk? disk, IRepositories repositories)
    {
        var seen = new Dictionary<(PointId, string), BaseState>();

        // First: a pair that is put while the repository is asked is gone by then, and its point was not there before.
        var pairs = disk?.JobsInTracking.ToHashSet();
        foreach (var repository in BaseDecider.ToLookFor(state).GroupBy(b => b.RepositoryId))
        {
            try
            {
                var points = repository.Select(b => b.Point).ToArray();
                foreach (var (point, found) in await Patience.WithRepositoryAsync(repositories, repository.Key, repository.Key, r => FindAsync(r, points)).ConfigureAwait(false))
                {
                    if (found is not null)
                    {
                        seen[(point, repository.Key)] = StateOf(found);
                    }
                    else if (pairs?.Contains(new JobId(point.Value)) == false)
                    {
                        seen[(point, repository.Key)] = BaseState.Lost;
                    }
                }
            }
            catch (Exception e) when (Failures.Explain(e).Code != RefusalCode.Internal)
            {
                // It is away: nothing is known.
            }
        }

        return seen;
    }

    public static BaseState StateOf(RecoveryPoint point) => point.IsComplete ? BaseState.Valid : BaseState.Partial;

    private static async Task<IReadOnlyList<(PointId Point, RecoveryPoint? Found)>> FindAsync(OpenRepository repository, IReadOnlyList<PointId> points)
    {
        var found = new List<(PointId, RecoveryPoint?)>();
        foreach (var point in points)
        {
            found.Add((point, await repository.Data.Points.TryGetAsync(point, CancellationToken.None).ConfigureAwait(false)));
        }

        // In one that went away meanwhile every point seems gone.
        await repository.EnsureAvailableAsync().ConfigureAwait(false);
        return found;
    }
}
