using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Core.Tests.Disks;
using ActorBackup.Domain.Groups;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Core.Tests.Groups;

/// <summary>What a coordinator decides, and that the first decision stays (rule 19).</summary>
public sealed class GroupDeciderTests
{
    private static readonly GroupId Group = new("group-1");
    private static readonly DiskId A = new("a");
    private static readonly DiskId B = new("b");

    private static readonly GroupPartView Votes = new(A, GroupPartStatus.Voted, []);
    private static readonly GroupPartView Runs = new(A, GroupPartStatus.Running, []);
    private static readonly GroupPartView Lost = new(A, GroupPartStatus.Unknown, []);
    private static readonly GroupPartView Broken = new(A, GroupPartStatus.Failed, []) { Error = "broken" };
    private static readonly GroupPartView Cancelled = new(A, GroupPartStatus.Failed, []) { Error = "cancelled", IsCancelled = true };
    private static readonly GroupPartView Forced = Cancelled with { IsForced = true };

    public static TheoryData<string, GroupDecision?, bool> Table => new()
    {
        { "votes votes", GroupDecision.Commit, false },
        { "votes runs", null, false },
        { "votes", null, false },
        { "", null, false },
        { "runs broken", GroupDecision.Abort, false },
        { "broken", GroupDecision.Abort, false },
        { "votes lost", GroupDecision.Abort, false },
        { "votes cancelled", GroupDecision.Abort, true },
        { "votes forced", GroupDecision.Force, true },
        { "broken cancelled", GroupDecision.Abort, false },
        { "cancelled broken", GroupDecision.Abort, false },
        { "broken forced", GroupDecision.Force, true },
        { "forced broken", GroupDecision.Force, true },
        { "cancelled forced", GroupDecision.Force, true },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void A_decision_follows_from_what_the_disks_say(string parts, GroupDecision? decision, bool isCancelled)
    {
        var said = Said(parts);

        var decided = GroupDecider.Decide(Begun(), said);

        Assert.Equal((decision, decision is null ? null : isCancelled), (decided?.Decision, decided?.IsCancelled));
        Assert.Null(GroupDecider.Decide(Begun(hasBegun: false), said));
        Assert.Null(GroupDecider.Decide(Begun(GroupCompletion.Individual), said));
        Assert.All(Enum.GetValues<GroupDecision>(), d => Assert.Null(GroupDecider.Decide(After(Begun(), Decided(d)), said)));
    }

    [Fact]
    public void A_group_that_needs_a_person_commits_when_he_says_so_and_everybody_has_voted()
    {
        var state = Begun(needsPerson: true);
        var complete = new GroupCommand.Complete { Group = Group };
        Assert.Null(GroupDecider.Decide(state, Said("votes votes")));
        Assert.Equal(GroupDecision.Abort, GroupDecider.Decide(state, Said("votes broken"))?.Decision);

        Assert.Equal(RefusalCode.WrongState, GroupDecider.Complete(state, complete, Said("votes runs")).Refusal?.Code);
        Assert.Equal(RefusalCode.WrongState, GroupDecider.Complete(state, complete, Said("votes")).Refusal?.Code);
        Assert.Equal(Decided(GroupDecision.Commit), Assert.Single(GroupDecider.Complete(state, complete, Said("votes votes")).Events));
    }

    [Fact]
    public void The_first_decision_stays()
    {
        foreach (var first in Enum.GetValues<GroupDecision>())
        {
            var state = After(Begun(), Decided(first) with { Reason = "first" });
            foreach (var other in Enum.GetValues<GroupDecision>())
            {
                Assert.Equal((first, "first"), (After(state, Decided(other)).Decision, After(state, Decided(other)).Reason));
            }

            Assert.Equal(RefusalCode.WrongState, GroupDecider.Cancel(state, new GroupCommand.Cancel(true) { Group = Group }).Refusal?.Code);
            Assert.Equal(RefusalCode.WrongState, GroupDecider.Complete(state, new GroupCommand.Complete { Group = Group }, Said("votes votes")).Refusal?.Code);
            Assert.Equal(first, After(state, new GroupEvent.GroupRefused("late", Given.Now)).Decision);
            Assert.Equal(first, After(state, new GroupEvent.GroupBegun([], TimeSpan.Zero, Given.Now)).Decision);
        }
    }

    [Theory]
    [InlineData(false, GroupDecision.Abort)]
    [InlineData(true, GroupDecision.Force)]
    public void A_person_cancels_what_is_not_decided(bool force, GroupDecision decision)
    {
        var cancel = new GroupCommand.Cancel(force) { Group = Group };

        Assert.Equal(new GroupEvent.GroupDecided(decision, "cancelled", true), Assert.Single(GroupDecider.Cancel(Begun(), cancel).Events));
        Assert.Equal(RefusalCode.UnknownGroup, GroupDecider.Cancel(GroupState.Empty, cancel).Refusal?.Code);
        Assert.Equal(RefusalCode.WrongState, GroupDecider.Cancel(Begun(GroupCompletion.Individual), cancel).Refusal?.Code);
    }

    [Fact]
    public void A_group_is_created_once_with_its_disks_in_an_order_that_all_groups_share()
    {
        DiskCommand[] actions = [new DiskCommand.ClearBitmap("x") { Disk = B }, new DiskCommand.ClearBitmap("x") { Disk = A }, new DiskCommand.ClearBitmap("y") { Disk = B }];
        var start = new GroupCommand.Start(GroupCompletion.Grouped, actions) { Group = Group };

        var created = Assert.IsType<GroupEvent.GroupCreated>(Assert.Single(GroupDecider.Create(GroupState.Empty, start, Given.Now).Events));

        Assert.Equal([A, B], created.Disks);

        // A disk that lends a bitmap has a part, too.
        var merge = start with { Actions = [new DiskCommand.MergeBitmaps("x", [new BitmapAddress(A, "y"), new BitmapAddress(B, "y")]) { Disk = B }] };
        Assert.Equal([A, B], Assert.IsType<GroupEvent.GroupCreated>(Assert.Single(GroupDecider.Create(GroupState.Empty, merge, Given.Now).Events)).Disks);
        Assert.Equal(RefusalCode.Duplicate, GroupDecider.Create(Begun(), start, Given.Now).Refusal?.Code);
        Assert.Equal(RefusalCode.InvalidArgument, GroupDecider.Create(GroupState.Empty, start with { Actions = [] }, Given.Now).Refusal?.Code);
        var many = start with { Actions = [.. Enumerable.Repeat(actions[0], GroupDecider.ActionsMax + 1)] };
        Assert.Equal(RefusalCode.InvalidArgument, GroupDecider.Create(GroupState.Empty, many, Given.Now).Refusal?.Code);
    }

    [Theory]
    [InlineData(GroupCompletion.Grouped, GroupDecision.Commit, "sss", GroupOutcome.Success)]
    [InlineData(GroupCompletion.Grouped, GroupDecision.Abort, "cfc", GroupOutcome.Failed)]
    [InlineData(GroupCompletion.Individual, GroupDecision.Start, "sss", GroupOutcome.Success)]
    [InlineData(GroupCompletion.Individual, GroupDecision.Start, "sfc", GroupOutcome.Mixed)]
    [InlineData(GroupCompletion.Individual, GroupDecision.Start, "fcc", GroupOutcome.Failed)]
    [InlineData(GroupCompletion.Individual, GroupDecision.Start, "ccc", GroupOutcome.Cancelled)]
    [InlineData(GroupCompletion.Individual, GroupDecision.Start, "", GroupOutcome.Success)]
    public void The_outcome_is_that_of_its_jobs(GroupCompletion completion, GroupDecision decision, string outcomes, GroupOutcome expected)
    {
        var members = outcomes.Select((o, i) => new GroupMember(A, new JobId($"job-{i}"), o switch { 's' => JobOutcome.Success, 'f' => JobOutcome.Failed, _ => JobOutcome.Cancelled }, null, null)).ToList();
        var state = After(
            Begun(completion, members: [.. members.Select(m => m with { Outcome = null })]),
            Decided(decision),
            new GroupEvent.GroupPartEnded(A, members));
        Assert.Null(GroupDecider.ViewOf(state, Group, false).Outcome);

        var view = GroupDecider.ViewOf(After(state, new GroupEvent.GroupPartEnded(B, []), new GroupEvent.GroupConcluded(Given.Now)), Group, false);

        Assert.Equal((GroupStatus.Concluded, expected), (view.Status, view.Outcome));
        Assert.Equal(members, view.Members);
    }

    private static GroupEvent.GroupDecided Decided(GroupDecision decision) => new(decision, null, false);

    private static IReadOnlyList<GroupPartView> Said(string parts) =>
        [.. parts.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select((p, i) => Of(p) with { Disk = i == 0 ? A : B })];

    private static GroupPartView Of(string part) =>
        part switch { "votes" => Votes, "runs" => Runs, "lost" => Lost, "broken" => Broken, "cancelled" => Cancelled, _ => Forced };

    private static GroupState Begun(GroupCompletion completion = GroupCompletion.Grouped, bool needsPerson = false, bool hasBegun = true, IReadOnlyList<GroupMember>? members = null)
    {
        var created = After(GroupState.Empty, new GroupEvent.GroupCreated(completion, [A, B], needsPerson, Given.Now));
        return hasBegun ? After(created, new GroupEvent.GroupBegun(members ?? [], TimeSpan.FromMilliseconds(1), Given.Now)) : created;
    }

    private static GroupState After(GroupState state, params GroupEvent[] events) => events.Aggregate(state, GroupState.Apply);
}
