using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Core.Tests.Disks;

public sealed class BaseDeciderTests
{
    private static readonly BitmapBase Partial = Given.Base with { State = BaseState.Partial };
    private static readonly BitmapBase Lost = Given.Base with { State = BaseState.Lost };

    [Theory]
    [InlineData(BaseState.Valid, BaseState.Lost, BaseState.Lost)]
    [InlineData(BaseState.Partial, BaseState.Lost, BaseState.Lost)]
    [InlineData(BaseState.Lost, BaseState.Valid, BaseState.Valid)]
    [InlineData(BaseState.Lost, BaseState.Partial, BaseState.Partial)]
    [InlineData(BaseState.Valid, BaseState.Valid, null)]
    [InlineData(BaseState.Lost, BaseState.Lost, null)]
    [InlineData(BaseState.Valid, BaseState.None, null)]
    [InlineData(BaseState.Valid, BaseState.Partial, null)]
    public void A_base_is_lost_while_its_point_is_gone(BaseState was, BaseState seen, BaseState? becomes)
    {
        var state = Given.Online.WithBitmap("b", Given.Base with { State = was }).WithBitmap("other");

        var events = BaseDecider.Seen(state, new Dictionary<(PointId, string), BaseState> { [(Given.Point, Given.RepositoryId)] = seen });

        Assert.Equal(becomes, events.OfType<DiskEvent.BitmapBaseChanged>().SingleOrDefault()?.Base.State);
        Assert.All(events, e => Assert.Equal(("b", Given.Point), (((DiskEvent.BitmapBaseChanged)e).Name, ((DiskEvent.BitmapBaseChanged)e).Base.Point)));
    }

    [Fact]
    public void What_was_not_looked_for_or_is_busy_stays()
    {
        var seen = new Dictionary<(PointId, string), BaseState> { [(Given.Point, Given.RepositoryId)] = BaseState.Lost };
        Assert.Empty(BaseDecider.Seen(Given.Online.WithBitmap("b", Given.Base with { RepositoryId = "another" }), seen));
        Assert.Empty(BaseDecider.Seen(Given.Online.WithBitmap("b", Given.Base).WithJob("b"), seen));
    }

    [Fact]
    public void Only_what_a_backup_sees_itself_counts_for_it()
    {
        // Lost or not by the journal: it looked, and the point is there, or not.
        foreach (var counted in new[] { Given.Base, Partial, Lost })
        {
            var state = Given.Online.WithBitmap("b", counted);
            Assert.Null(BackupDecider.Start(state, Given.Disk, Given.Order(Core.Jobs.SyncMode.Incremental, "b"), baseIsThere: true, Given.Job, Given.Now).Refusal);
            Given.AssertRefused(
                Messages.RefusalCode.BaseLost, BackupDecider.Start(state, Given.Disk, Given.Order(Core.Jobs.SyncMode.Incremental, "b"), baseIsThere: false, Given.Job, Given.Now));
        }
    }
}
