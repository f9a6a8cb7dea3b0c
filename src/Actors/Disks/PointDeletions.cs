using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;

namespace ActorBackup.Actors.Disks;

/// <summary>Deletions that the journal has and that a repository may not have done yet: also of a disk that was removed since.</summary>
internal static class PointDeletions
{
    public static async Task<DeletionRound> CarryOutAsync(DiskState state, IRepositories repositories, PointPins pins)
    {
        var (isDone, gone) = (true, new List<(PointId, string)>());
        var bases = state.Bitmaps.Values.Select(b => b.Base.Point).ToHashSet();
        foreach (var (point, repositoryId) in state.DeletedPoints.Where(p => !bases.Contains(p.Point)))
        {
            if (pins.TryBeginDeletion(point, repositoryId) is not null)
            {
                isDone = false;
                continue;
            }

            var isGone = await TryDeleteAsync(repositories, point, repositoryId).ConfigureAwait(false);
            pins.EndDeletion(point, repositoryId);
            isDone &= isGone != false;
            if (isGone == true)
            {
                gone.Add((point, repositoryId));
            }
        }

        return new DeletionRound(isDone, gone);
    }

    /// <summary>Null = its repository is not attached: nobody lists its points, and when it is attached again, the next start looks.</summary>
    private static async Task<bool?> TryDeleteAsync(IRepositories repositories, PointId point, string repositoryId)
    {
        try
        {
            return await Patience.WithRepositoryAsync(repositories, repositoryId, repositoryId, async r =>
            {
                await r.Data.Points.DeleteAsync(point, CancellationToken.None).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
        }
        catch (RefusedException e) when (e.Refusal.Code == RefusalCode.UnknownRepository)
        {
            return null;
        }
        catch (Exception e) when (Failures.Explain(e).Code != RefusalCode.Internal)
        {
            return false;
        }
    }
}

/// <param name="IsDone">False when a repository that is attached could not be asked, or a point is read: it is still listed, and deleted later.</param>
/// <param name="Gone">Points that their repositories do not have any more.</param>
internal sealed record DeletionRound(bool IsDone, IReadOnlyList<(PointId Point, string RepositoryId)> Gone);
