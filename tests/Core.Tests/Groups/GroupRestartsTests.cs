using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Core.Tests.Disks;
using ActorBackup.Domain.Groups;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Core.Tests.Groups;

/// <summary>A restart of a grouped member restarts the group (rule 21).</summary>
public sealed class GroupRestartsTests
{
    private static readonly GroupId Group = new("group-1");
    private static readonly GroupId Next = new("group-2");
    private static readonly DiskId A = new("a");
    private static readonly DiskId B = new("b");

    private static readonly DiskCommand[] Actions =
    [
        Backup(B, 0), new DiskCommand.ClearBitmap("y") { Disk = A }, Backup(A, 2), Backup(B, 1),
    ];

    private static readonly GroupMember[] Members = [Member(A, "a1"), Member(B, "b1"), Member(B, "b2")];

    public static TheoryData<GroupDecision?, bool, bool, bool> Ends => new()
    {
        // decision, a person wanted it, concluded, is started again
        { GroupDecision.Abort, false, true, true },
        { GroupDecision.Abort, false, false, false },
        { GroupDecision.Abort, true, true, false },
        { GroupDecision.Force, true, true, false },
        { GroupDecision.Commit, false, true, false },
        { GroupDecision.Undo, false, true, false },
        { null, false, false, false },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void A_group_is_started_again_when_it_has_failed_and_all_is_settled(GroupDecision? decision, bool isCancelled, bool isConcluded, bool isDue)
    {
        var state = decision is { } d ? After(Begun(), new GroupEvent.GroupDecided(d, "broken", isCancelled)) : Begun();
        state = isConcluded ? After(state, new GroupEvent.GroupConcluded(Given.Now)) : state;

        Assert.Equal(isDue, GroupRestarts.IsDue(state));
        Assert.Equal(isDue, GroupDecider.ViewOf(state, Group, false).IsRestartDue);
        Assert.False(GroupRestarts.IsDue(After(state, new GroupEvent.GroupRestartDropped())));
        Assert.False(GroupRestarts.IsDue(After(state, new GroupEvent.GroupRestarted(Next))));
    }

    [Fact]
    public void It_is_started_again_as_often_as_the_job_wants_that_wants_it_most()
    {
        Assert.Equal(2, GroupRestarts.Of(new GroupCommand.Start(GroupCompletion.Grouped, Actions) { Group = Group }));
        Assert.Equal(0, GroupRestarts.Of(new GroupCommand.Start(GroupCompletion.Individual, Actions) { Group = Group }));
        Assert.Equal(0, GroupRestarts.Of(new GroupCommand.Start(GroupCompletion.Grouped, [Actions[1]]) { Group = Group }));
    }

    [Fact]
    public void The_next_group_does_the_work_of_every_job_again_and_knows_how_often_it_was_tried()
    {
        var start = GroupRestarts.Order(Failed(), Group, Next);

        Assert.Equal((Next, Group, GroupCompletion.Grouped, 1), (start.Group, start.RetryOf!.Value, start.Completion, start.RestartCount));
        Assert.Equal(TimeSpan.FromMilliseconds(7), start.HoldLimit);
        Assert.Equal(Actions.Select(a => (a.GetType(), a.Disk)), start.Actions.Select(a => (a.GetType(), a.Disk)));
        Assert.Equal(
            [("b1", 1, 1), ("a1", 1, 1), ("b2", 1, 1)],
            start.Actions.OfType<DiskCommand.StartBackup>().Select(b => (b.Order.RetryOf!.Value.Value, b.Order.Restarts, b.Order.RestartCount)));
    }

    [Fact]
    public void A_start_that_is_refused_counts_and_the_wait_grows()
    {
        var state = Failed();
        Assert.Equal(1, GroupRestarts.BackOff(state, 0).TotalSeconds);
        state = After(state, new GroupEvent.GroupRestartTried(Next));
        Assert.Equal(Next, state.Trying);
        state = After(state, new GroupEvent.GroupRestartRefused(Next, "disk 'b' is stopped"));
        Assert.Null(state.Trying);
        Assert.Equal(2, GroupRestarts.BackOff(state, 0).TotalSeconds);

        var last = GroupRestarts.Order(state, Group, new GroupId("group-3"));
        Assert.Equal(2, last.RestartCount);
        Assert.All(last.Actions.OfType<DiskCommand.StartBackup>(), b => Assert.Equal((0, 2), (b.Order.Restarts, b.Order.RestartCount)));

        state = After(state, new GroupEvent.GroupRestartRefused(new GroupId("group-3"), "disk 'b' is stopped"));
        var view = GroupDecider.ViewOf(state, Group, false);
        Assert.Equal((false, GroupOutcome.Failed), (view.IsRestartDue, view.Outcome));
        Assert.Contains("disk 'b' is stopped", view.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_start_that_is_refused_in_passing_is_no_try()
    {
        var state = After(Failed(), new GroupEvent.GroupRestartTried(Next), new GroupEvent.GroupRestartRefused(Next, "the node is being stopped") { IsPassing = true });

        Assert.Equal((null, 0, true), (state.Trying, state.RestartsRefused, GroupRestarts.IsDue(state)));
        Assert.Equal((1, 4), (GroupRestarts.BackOff(state, 0).TotalSeconds, GroupRestarts.BackOff(state, 2).TotalSeconds));
        Assert.Equal(1, GroupRestarts.Order(state, Group, new GroupId("group-3")).RestartCount);
        Assert.DoesNotContain("being stopped", GroupDecider.ViewOf(state, Group, false).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whoever_asks_again_for_a_group_that_did_not_begin_hears_whether_that_was_in_passing(bool isPassing)
    {
        var refused = new GroupEvent.GroupRefused("its node is being stopped", Given.Now) { IsPassing = isPassing };

        Assert.Equal(isPassing, GroupDecider.DidNotBegin(Group, After(GroupState.Empty, refused)).IsPassing);
    }

    [Fact]
    public void A_person_keeps_a_failed_group_from_being_started_again()
    {
        var cancel = new GroupCommand.Cancel(false) { Group = Group };
        var failed = Failed();

        // Also while disks still settle.
        Assert.IsType<GroupEvent.GroupRestartDropped>(Assert.Single(GroupDecider.Cancel(failed, cancel).Events));
        Assert.IsType<GroupEvent.GroupRestartDropped>(Assert.Single(GroupDecider.Cancel(After(Begun(), Aborted), cancel).Events));
        Assert.Contains(Next.Value, Refused(After(failed, new GroupEvent.GroupRestartTried(Next))), StringComparison.Ordinal);
        Assert.Contains(Next.Value, Refused(After(failed, new GroupEvent.GroupRestarted(Next))), StringComparison.Ordinal);
        Assert.Contains("any more", Refused(After(failed, new GroupEvent.GroupRestartDropped())), StringComparison.Ordinal);

        string Refused(GroupState state)
        {
            var refusal = GroupDecider.Cancel(state, cancel).Refusal!;
            Assert.Equal(RefusalCode.WrongState, refusal.Code);
            return refusal.Message;
        }
    }

    [Fact]
    public void A_job_that_a_person_cancelled_means_the_group_even_if_another_one_failed()
    {
        var broken = new GroupPartView(A, GroupPartStatus.Failed, []) { Error = "broken" };

        Assert.False(GroupDecider.IsUnwanted([broken]));
        Assert.True(GroupDecider.IsUnwanted([broken, broken with { Disk = B, IsCancelled = true }]));
    }

    private static GroupEvent.GroupDecided Aborted => new(GroupDecision.Abort, "disk 'b': broken", false);

    private static GroupState Failed() => After(Begun(), Aborted, new GroupEvent.GroupConcluded(Given.Now));

    private static GroupState Begun()
    {
        var start = new GroupCommand.Start(GroupCompletion.Grouped, Actions) { Group = Group, HoldLimit = TimeSpan.FromMilliseconds(7) };
        return After(
            GroupState.Empty,
            [.. GroupDecider.Create(GroupState.Empty, start, Given.Now).Events, new GroupEvent.GroupBegun(Members, TimeSpan.Zero, Given.Now)]);
    }

    private static DiskCommand.StartBackup Backup(DiskId disk, int restarts) =>
        new(Given.Order(SyncMode.Full, "x", BitmapSyncPolicy.Conditional) with { Restarts = restarts }) { Disk = disk };

    private static GroupMember Member(DiskId disk, string job) => new(disk, new JobId(job), null, null, null);

    private static GroupState After(GroupState state, params GroupEvent[] events) => events.Aggregate(state, GroupState.Apply);
}
