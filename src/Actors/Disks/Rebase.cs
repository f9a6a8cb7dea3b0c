using ActorBackup.Actors.Storage;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>Moves bitmaps off a point that is about to be deleted (rule 15): bits enter the tracking file before the base moves back.</summary>
/// <param name="Events">For the disk's journal, before the point goes.</param>
/// <param name="Repository">That holds the point.</param>
internal sealed record Rebase(IReadOnlyList<DiskEvent> Events, OpenRepository Repository)
{
    public static async Task<Rebase> PrepareAsync(
        IRepositories repositories, string repositoryId, PointId point, DiskId disk, IReadOnlyList<BitmapState> bitmaps,
        IReadOnlySet<(PointId Point, string RepositoryId)> gone, TrackedDisk? tracked)
    {
        var repository = await repositories.OpenAsync(repositoryId).ConfigureAwait(false);
        await repository.EnsureAvailableAsync().ConfigureAwait(false);
        if (bitmaps.Count == 0)
        {
            return new Rebase([], repository);
        }

        if (tracked is null)
        {
            throw new RefusedException(new Refusal(
                RefusalCode.Pinned, $"point {point} is the base of bitmap '{bitmaps[0].Name}' of disk '{disk}', which is not online; start the disk first"));
        }

        var going = await repository.Data.Points.TryGetAsync(point, CancellationToken.None).ConfigureAwait(false);
        var survivor = going is null ? null : await NewestAsync(repository, going, p => gone.Contains((p, repositoryId))).ConfigureAwait(false);
        if (survivor is null)
        {
            return new Rebase([.. bitmaps.Select(b => new DiskEvent.BitmapBaseChanged(b.Name, BitmapBase.None))], repository);
        }

        IReadOnlyList<Extent> differ = [.. await repository.DiffAsync(survivor, going!, CancellationToken.None).ConfigureAwait(false), .. going!.MissingExtents()];
        foreach (var bitmap in bitmaps)
        {
            await tracked.MarkAsync(bitmap.SetId, differ).ConfigureAwait(false);
        }

        var newBase = new BitmapBase(BaseState.Valid, survivor.Id, repositoryId);
        return new Rebase([.. bitmaps.Select(b => new DiskEvent.BitmapBaseChanged(b.Name, newBase))], repository);
    }

    public async Task<bool> DeleteAsync(PointId point)
    {
        await Repository.Data.Points.DeleteAsync(point, CancellationToken.None).ConfigureAwait(false);
        return true;
    }

    /// <summary>The newest other complete point of the same disk and shape. One that the journal calls deleted may still lie there, and will go.</summary>
    private static async Task<RecoveryPoint?> NewestAsync(OpenRepository repository, RecoveryPoint going, Predicate<PointId> isGone)
    {
        var all = await repository.Data.Points.ListAsync(CancellationToken.None).ConfigureAwait(false);
        return all.Points
            .Where(p => p.Id != going.Id && !isGone(p.Id) && p.Disk == going.Disk && p.IsComplete && p.Geometry == going.Geometry)
            .MaxBy(p => p.CreatedAt);
    }
}
