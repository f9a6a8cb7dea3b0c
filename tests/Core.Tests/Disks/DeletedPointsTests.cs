using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Core.Tests.Disks;

public sealed class DeletedPointsTests
{
    private static readonly PointId OfJob = new(Given.Job.Value);
    private static readonly (PointId, string)[] Both = [(Given.Point, Given.RepositoryId), (OfJob, Given.RepositoryId)];

    private static readonly DiskState Deleted =
        Given.Online.After(new DiskEvent.PointDeleted(Given.Point, Given.RepositoryId), new DiskEvent.PointDeleted(OfJob, Given.RepositoryId));

    [Fact]
    public void What_its_repository_says_is_gone_is_forgotten_and_nothing_else()
    {
        Assert.Equal(Both.Length, Deleted.DeletedPoints.Count);
        var events = DeletedPoints.Forgotten(Deleted, [Both[0], (Given.Point, "another")], _ => false);
        Assert.Equal(new DiskEvent.PointGone(Given.Point, Given.RepositoryId), Assert.Single(events));
        Assert.Equal([Both[1]], Deleted.After([.. events]).DeletedPoints);
    }

    [Fact]
    public void What_something_refers_to_is_remembered()
    {
        Assert.Equal([OfJob], Gone(Deleted.WithBitmap("b", Given.Base)));
        Assert.Equal([Given.Point], Gone(Deleted, j => j == Given.Job));

        // Its own job, and one that has it as its base, until they have ended.
        var running = Deleted.WithBitmap("b", Given.Base).WithJob("b", sync: SyncMode.Bitmap).After(new DiskEvent.BitmapBaseChanged("b", BitmapBase.None));
        Assert.Empty(Gone(running));
        var concluded = running.After(new DiskEvent.JobConcluded(
            Given.Job, new JobConclusion(JobOutcome.Failed, BitmapRemainder.SyncBitmap, null, null, null, null, JobStatistics.Empty, []), Given.Now));
        Assert.Equal([Given.Point], Gone(concluded));
        Assert.Equal([Given.Point, OfJob], Gone(concluded.After(new DiskEvent.JobSettled(Given.Job))));
    }

    [Fact]
    public void A_journal_that_never_confirmed_a_deletion_is_read_as_before_and_a_removed_disk_still_deletes()
    {
        var removed = Deleted.After(new DiskEvent.DiskRemoved(Given.Now));
        Assert.Equal(Deleted.DeletedPoints, removed.DeletedPoints);
        Assert.Empty(removed.After([.. DeletedPoints.Forgotten(removed, Both, _ => false)]).DeletedPoints);
    }

    private static IEnumerable<PointId> Gone(DiskState state, Func<JobId, bool>? hasPair = null) =>
        DeletedPoints.Forgotten(state, Both, hasPair ?? (_ => false)).Cast<DiskEvent.PointGone>().Select(e => e.Point);
}
