using ActorBackup.Actors.Storage;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>Adds a bitmap to the tracking file that counts from a point: on trust, or as a comparison with it has shown (rule 14).</summary>
/// <remarks>The event that names bitmap and base at once comes afterwards: a crash before it leaves a set without a name, which goes at the next opening.</remarks>
internal static class NewBase
{
    /// <param name="repositories">One of them holds the point.</param>
    /// <param name="disk">That gets the bitmap.</param>
    /// <param name="added">The bitmap.</param>
    /// <param name="asserted">Its base.</param>
    /// <param name="compared">What the comparison has found; null = the disk is said to equal the point.</param>
    /// <exception cref="RefusedException">The point is gone.</exception>
    public static async Task AddAsync(
        IRepositories repositories, TrackedDisk disk, DiskEvent.BitmapAdded added, AssertedBase asserted, DiskLoan.ForBitmap? compared)
    {
        var point = await Patience.WithRepositoryAsync(
            repositories, asserted.RepositoryId, asserted.RepositoryId, r => r.Data.Points.TryGetAsync(asserted.Point, CancellationToken.None)).ConfigureAwait(false)
            ?? throw new RefusedException(new Refusal(RefusalCode.UnknownPoint, $"there is no point '{asserted.Point}' any more; 'abk point list' shows the points"));
        var dirty = LackedBy(point);
        if (compared is not null)
        {
            dirty.UnionWith(compared.Differs!);
        }

        await disk.AddCountingBitmapAsync(added.SetId, added.GranularityBytes, !added.Persistent, dirty, compared?.Since).ConfigureAwait(false);
    }

    private static DirtyBitmap LackedBy(RecoveryPoint point)
    {
        var lacked = new DirtyBitmap(point.Geometry);
        foreach (var run in point.Missing)
        {
            lacked.MarkRange(run.First, run.End);
        }

        return lacked;
    }
}
