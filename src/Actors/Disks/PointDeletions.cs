using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;

namespace ActorBackup.Actors.Disks;

/// <summary>Deletions that the journal has and that a repository may not have done yet: also of a disk that was removed since.</summary>
internal static class PointDeletions
{
    /// <returns>False when a repository that is attached could not be asked: its points are still listed, and it is asked again.</returns>
    public static async Task<bool> CarryOutAsync(DiskState state, IRepositories repositories)
    {
        var isDone = true;
        var bases = state.Bitmaps.Values.Select(b => b.Base.Point).ToHashSet();
        foreach (var (point, repositoryId) in state.DeletedPoints.Where(p => !bases.Contains(p.Point)))
        {
            isDone &= await TryDeleteAsync(repositories, point, repositoryId).ConfigureAwait(false);
        }

        return isDone;
    }

    private static async Task<bool> TryDeleteAsync(IRepositories repositories, PointId point, string repositoryId)
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
            // Nobody lists its points. When it is attached again, the next start looks.
            return true;
        }
        catch (Exception e) when (Failures.Explain(e).Code != RefusalCode.Internal)
        {
            return false;
        }
    }
}
