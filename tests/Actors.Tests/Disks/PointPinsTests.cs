using ActorBackup.Actors.Disks;
using ActorBackup.Core.Identity;

namespace ActorBackup.Actors.Tests.Disks;

public sealed class PointPinsTests
{
    private static readonly PointId Point = new("point");

    private readonly PointPins _pins = new();

    [Fact]
    public void A_point_that_is_read_is_not_deleted_until_the_last_reader_is_gone()
    {
        Assert.True(_pins.TryPin(Point, "r", "a", "a reads it"));
        Assert.True(_pins.TryPin(Point, "r", "b", "b reads it"));
        Assert.NotNull(_pins.TryBeginDeletion(Point, "r"));
        _pins.Unpin(Point, "r", "a");
        _pins.Unpin(Point, "r", "a");
        Assert.Equal(("b reads it", "b reads it"), (_pins.WhyPinned(Point, "r"), _pins.TryBeginDeletion(Point, "r")));

        _pins.Unpin(Point, "r", "b");

        Assert.Null(_pins.WhyPinned(Point, "r"));
        Assert.Null(_pins.TryBeginDeletion(Point, "r"));
    }

    [Fact]
    public void A_point_that_is_being_deleted_is_not_read()
    {
        Assert.Null(_pins.TryBeginDeletion(Point, "r"));
        Assert.False(_pins.TryPin(Point, "r", "a", "a reads it"));
        Assert.True(_pins.TryPin(Point, "another", "a", "a reads it"));

        // Refused, or it failed: the point may be there still.
        _pins.EndDeletion(Point, "r");
        Assert.True(_pins.TryPin(Point, "r", "a", "a reads it"));
    }
}
