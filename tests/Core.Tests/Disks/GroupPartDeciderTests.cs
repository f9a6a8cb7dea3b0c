using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using static ActorBackup.Core.Tests.Disks.Given;

namespace ActorBackup.Core.Tests.Disks;

/// <summary>What a disk's part of a group is: each action decided on what the ones before it made of the disk (rule 21).</summary>
public sealed class GroupPartDeciderTests
{
    private static readonly GroupId Group = new("group-1");

    private static readonly BitmapAddress Foreign = new(new DiskId("vdb"), "z");

    /// <summary>Bitmap x records and has a base, y is disabled; n is not there.</summary>
    private static readonly DiskState Start = Online.WithBitmap("x", Base).WithBitmap("y", recording: false);

    private static readonly DiskCommand[] Actions =
    [
        new DiskCommand.AddBitmap("n", null, true, true) { Disk = Disk },
        new DiskCommand.ClearBitmap("x") { Disk = Disk },
        new DiskCommand.ClearBitmap("n") { Disk = Disk },
        new DiskCommand.SetBitmapRecording("x", false) { Disk = Disk },
        new DiskCommand.SetBitmapRecording("x", true) { Disk = Disk },
        new DiskCommand.SetBitmapRecording("y", true) { Disk = Disk },
        new DiskCommand.MergeBitmaps("x", [new BitmapAddress(Disk, "y")]) { Disk = Disk },
        new DiskCommand.MergeBitmaps("n", [new BitmapAddress(Disk, "x"), new BitmapAddress(Disk, "y")]) { Disk = Disk },
        new DiskCommand.MergeBitmaps("x", [Foreign]) { Disk = Disk },
        new DiskCommand.LendToGroup("x") { Disk = Disk },
        new DiskCommand.LendToGroup("n") { Disk = Disk },
        new DiskCommand.StartBackup(Order(SyncMode.Full)) { Disk = Disk },
        new DiskCommand.StartBackup(Order(SyncMode.Full, "n", BitmapSyncPolicy.Conditional)) { Disk = Disk },
        new DiskCommand.StartBackup(Order(SyncMode.Bitmap, "x", BitmapSyncPolicy.Conditional)) { Disk = Disk },
        new DiskCommand.StartBackup(Order(SyncMode.Bitmap, "x", BitmapSyncPolicy.Always)) { Disk = Disk },
    ];

    /// <summary>All orders of up to four actions, beside a disk that simply does them one after the other.</summary>
    [Fact]
    public void Any_order_of_actions_makes_what_they_would_make_one_after_the_other()
    {
        var (accepted, refused) = (0, 0);
        foreach (var actions in Enumerable.Range(1, 4).SelectMany(Orders))
        {
            var oneByOne = new OneByOne();
            var refusal = actions.Select(oneByOne.Do).FirstOrDefault(r => r is not null);
            var (decision, plan) = Prepare(Start, actions);
            var text = string.Join(", ", actions.Select(Name));
            Assert.True(refusal == decision.Refusal?.Code, $"{text}: {refusal} and {decision.Refusal}");
            if (refusal is not null)
            {
                Assert.True(decision.Events.IsEmpty && plan is null, text);
                refused++;
                continue;
            }

            accepted++;
            var joined = Assert.IsType<DiskEvent.GroupJoined>(decision.Events[0]);
            var bits = BitsOf(plan!);
            var ids = joined.Overlays.Select(o => o.SetId).Concat(plan!.Jobs.Where(j => j.Bitmap is not null).Select(j => j.SuccessorSet)).ToList();
            Assert.True(ids.Distinct().Count() == ids.Count && ids.TrueForAll(i => i >= Start.NextSetId), text);
            foreach (var (name, expected) in oneByOne.Bitmaps)
            {
                var overlay = joined.Overlays.SingleOrDefault(o => o.Name == name);
                Assert.True(expected.IsAltered == overlay is not null, text);
                var set = overlay?.SetId ?? Start.Bitmaps[name].SetId;
                Assert.True(expected.Bits.SetEquals(bits[set]), $"{text}: {name} is {string.Join(',', bits[set])}");
                Assert.All(plan.Jobs.Where(j => j.Bitmap == name), j => Assert.Equal(set, j.BitmapSet));
                if (overlay is not null)
                {
                    Assert.True((expected.IsRecording, expected.Base) == (overlay.Recording, overlay.Base.State), text);
                    var awaits = oneByOne.Full && expected is { IsEmptied: true, IsRecording: true, IsBusy: false, Base: BaseState.None };
                    Assert.True(awaits == overlay.AwaitsBaseOf is not null, $"{text}: {name} awaits {overlay.AwaitsBaseOf}");
                }
            }

            Assert.Equal(oneByOne.Lent.Count, plan.Lent.Count);
            foreach (var (expected, lent) in oneByOne.Lent.Zip(plan.Lent))
            {
                Assert.True(expected.SetEquals(BitsOf(plan, lent.Steps)[lent.SetId]), $"{text}: lent is {string.Join(',', BitsOf(plan, lent.Steps)[lent.SetId])}");
                Assert.True(actions[lent.Loan.Place] is DiskCommand.LendToGroup c && lent.Loan.Address == new BitmapAddress(Disk, c.Name), text);
            }

            AssertEnds(Start.After(decision), joined, plan, text);
        }

        Assert.True(accepted > 500 && refused > 500, $"{accepted} accepted, {refused} refused");
    }

    [Fact]
    public void A_backup_that_makes_its_bitmap_does_so_before_it_starts()
    {
        var (decision, plan) = Prepare(Online, new DiskCommand.StartBackup(Order(SyncMode.Auto)) { Disk = Disk });

        Assert.Equal(
            [typeof(DiskEvent.GroupJoined), typeof(DiskEvent.BitmapAdded), typeof(DiskEvent.JobStarted)], decision.Events.Select(e => e.GetType()));
        Assert.Equal((Group, true), (plan!.Jobs[0].Group, plan.Jobs[0].IsGrouped));
        Assert.Empty(plan.Sets);
    }

    [Fact]
    public void What_another_group_adds_cannot_be_added_by_anybody_until_it_is_decided()
    {
        var add = new DiskCommand.AddBitmap("n", null, true, true) { Disk = Disk };
        var automatic = new DiskCommand.AddBitmap("auto.main", null, true, true) { Disk = Disk };
        var state = Start.After(Prepare(Start, add, automatic).Decision);

        AssertRefused(RefusalCode.Busy, BitmapDecider.Add(state, add));
        AssertRefused(RefusalCode.Busy, Prepare(state, add).Decision);
        AssertRefused(RefusalCode.Busy, BackupDecider.Start(state, Disk, Order(SyncMode.Auto), true, Job, Now));
        AssertRefused(RefusalCode.Duplicate, BitmapDecider.Add(state.After(new DiskEvent.GroupDecided(Group, GroupDecision.Commit)), add));
        AssertAccepted<DiskEvent.BitmapAdded>(BitmapDecider.Add(state.After(new DiskEvent.GroupDecided(Group, GroupDecision.Abort)), add));
    }

    [Theory]
    [InlineData(GroupDecision.Undo, false)]
    [InlineData(GroupDecision.Start, true)]
    [InlineData(GroupDecision.Commit, true)]
    [InlineData(GroupDecision.Abort, false)]
    [InlineData(GroupDecision.Force, false)]
    public void The_first_decision_stays_and_says_whether_overlays_count(GroupDecision first, bool counts)
    {
        var state = Start.After(Prepare(Start, new DiskCommand.ClearBitmap("x") { Disk = Disk }).Decision);
        var overlay = state.Groups[Group.Value].Overlays[0].SetId;
        Assert.Equal(Group, state.Bitmaps["x"].Group);
        state = state.After(new DiskEvent.GroupDecided(Group, first));
        Assert.Equal(counts ? overlay : Start.Bitmaps["x"].SetId, state.Bitmaps["x"].SetId);

        foreach (var other in Enum.GetValues<GroupDecision>())
        {
            var after = state.After(new DiskEvent.GroupDecided(Group, other));
            Assert.Equal(first, after.Groups[Group.Value].Decision);
            Assert.Equal(state.Bitmaps["x"], after.Bitmaps["x"]);
        }

        Assert.Empty(state.After(new DiskEvent.GroupLeft(Group)).Groups);
        Assert.Null(state.Bitmaps["x"].Group);
    }

    [Fact]
    public void What_was_emptied_counts_from_the_full_point_when_that_is_there_and_from_nothing_when_not()
    {
        var (decision, plan) = Prepare(
            Start, new DiskCommand.ClearBitmap("x") { Disk = Disk }, new DiskCommand.StartBackup(Order(SyncMode.Full)) { Disk = Disk });
        var committed = Start.After(decision).After(new DiskEvent.GroupDecided(Group, GroupDecision.Commit));
        var job = plan!.Jobs[0].Id;
        Assert.Equal((job, BaseState.None), (committed.Bitmaps["x"].AwaitsBaseOf, committed.Bitmaps["x"].Base.State));

        var succeeded = committed.After(Concluded(job, JobOutcome.Success, new PointId(job.Value)));
        Assert.Equal(new BitmapBase(BaseState.Valid, new PointId(job.Value), RepositoryId), succeeded.Bitmaps["x"].Base);
        Assert.Null(succeeded.Bitmaps["x"].AwaitsBaseOf);
        var failed = committed.After(Concluded(job, JobOutcome.Failed, null));
        Assert.Equal((null, BaseState.None), (failed.Bitmaps["x"].AwaitsBaseOf, failed.Bitmaps["x"].Base.State));

        // A person who clears it meanwhile wants to count from then, not from the point.
        var cleared = committed.After(new DiskEvent.BitmapCleared("x")).After(Concluded(job, JobOutcome.Success, new PointId(job.Value)));
        Assert.Equal(BaseState.None, cleared.Bitmaps["x"].Base.State);
    }

    [Fact]
    public void A_merge_of_another_disks_bitmap_waits_for_its_bits_of_the_instant()
    {
        var (decision, plan) = Prepare(
            Start,
            new DiskCommand.MergeBitmaps("x", [Foreign, new BitmapAddress(Disk, "y"), Foreign]) { Disk = Disk },
            new DiskCommand.StartBackup(Order(SyncMode.Bitmap, "x", BitmapSyncPolicy.Conditional)) { Disk = Disk });

        var overlay = Assert.Single(decision.Events.OfType<DiskEvent.GroupJoined>().Single().Overlays);
        var step = Assert.Single(plan!.Steps);
        var loan = new GroupLoan(Foreign, 0);
        Assert.Equal((overlay.SetId, Start.Bitmaps["y"].SetId, loan), (step.SetId, Assert.Single(step.Sources!), Assert.Single(step.Borrowed)));
        Assert.Equal((overlay.SetId, loan), (Assert.Single(plan.Jobs).BitmapSet, Assert.Single(plan.Borrowed)));
        AssertRefused(RefusalCode.UnknownBitmap, Prepare(Start, new DiskCommand.MergeBitmaps("nope", [Foreign]) { Disk = Disk }).Decision);
    }

    [Fact]
    public void A_bitmap_is_lent_as_the_actions_before_leave_it()
    {
        var lend = new DiskCommand.LendToGroup("x") { Disk = Disk };
        var merge = new DiskCommand.MergeBitmaps("x", [Foreign]) { Disk = Disk };

        var plan = Prepare(Start, lend, new DiskCommand.ClearBitmap("x") { Disk = Disk }, lend, merge, lend).Plan!;
        var made = Assert.Single(plan.Sets).SetId;
        Assert.Equal([(Start.Bitmaps["x"].SetId, 0), (made, 1), (made, 2)], plan.Lent.Select(l => (l.SetId, l.Steps)));
        Assert.Equal([0, 2, 4], plan.Lent.Select(l => l.Loan.Place));
        Assert.Equal([0, 0, 1], plan.Lent.Select(l => plan.BorrowedBefore(l.Steps).Count()));

        var alone = Prepare(Start, lend);
        Assert.Empty(alone.Plan!.Sets);
        Assert.IsType<DiskEvent.GroupJoined>(Assert.Single(alone.Decision.Events));

        AssertRefused(RefusalCode.UnknownBitmap, Prepare(Start, new DiskCommand.LendToGroup("nope") { Disk = Disk }).Decision);
        AssertRefused(RefusalCode.Busy, Prepare(Start, new DiskCommand.StartBackup(Order(SyncMode.Full, "x", BitmapSyncPolicy.Always)) { Disk = Disk }, lend).Decision);
        AssertRefused(RefusalCode.Inconsistent, Prepare(Online.WithInconsistentBitmap("x"), lend).Decision);
    }

    /// <summary>Its overlay is what the bitmap is before any job of an individual group settles; one of a grouped group may be dropped then.</summary>
    [Theory]
    [InlineData(GroupCompletion.Individual, false)]
    [InlineData(GroupCompletion.Grouped, true)]
    public void Always_is_refused_for_a_bitmap_that_was_changed_before_if_that_may_be_undone(GroupCompletion completion, bool isRefused)
    {
        DiskCommand[] actions = [Actions[1], new DiskCommand.StartBackup(Order(SyncMode.Full, "x", BitmapSyncPolicy.Always)) { Disk = Disk }];

        var preparation = GroupPartDecider.Prepare(Start, Disk, Command(actions) with { Completion = completion }, [true], () => new JobId("job-1"), Now);

        Assert.Equal(isRefused ? RefusalCode.InvalidPolicy : null, preparation.Decision.Refusal?.Code);
        Assert.Equal(!isRefused, preparation.Plan?.Jobs[0].BitmapSet == preparation.Plan?.Sets[0].SetId && preparation.Plan is not null);
    }

    [Fact]
    public void The_first_action_that_is_refused_is_named()
    {
        var (add, clear, backup) = (Actions[0], Actions[1], Actions.OfType<DiskCommand.StartBackup>().First());
        var unknown = new DiskCommand.ClearBitmap("nope") { Disk = Disk };

        Assert.Equal(0, Prepare(Start, unknown, add, add).RefusedAction);
        Assert.Equal(2, Prepare(Start, clear, backup, unknown, add).RefusedAction);
        Assert.Equal(1, Prepare(Start, add, add, unknown).RefusedAction);
    }

    /// <summary>Over the point that the failed job left, if it left one: then also a full backup copies only the rest.</summary>
    [Theory]
    [InlineData(BitmapSyncPolicy.Always, SyncMode.Bitmap)]
    [InlineData(BitmapSyncPolicy.Conditional, SyncMode.Full)]
    public void A_group_that_is_started_again_does_the_work_of_its_jobs_again(BitmapSyncPolicy policy, SyncMode sync)
    {
        var order = Order(SyncMode.Full, "x", policy) with { Restarts = 2 };
        var first = Prepare(Start, new DiskCommand.StartBackup(order) { Disk = Disk });
        var failed = first.Plan!.Jobs[0].Id;
        var kept = policy == BitmapSyncPolicy.Always ? new BitmapBase(BaseState.Partial, new PointId(failed.Value), RepositoryId) : (BitmapBase?)null;
        var state = Start.After(first.Decision).After(
            new DiskEvent.GroupDecided(Group, GroupDecision.Abort),
            new DiskEvent.JobConcluded(failed, new JobConclusion(JobOutcome.Failed, BitmapRemainder.CopyBitmap, kept, kept?.Point, "broken", null, JobStatistics.Empty, []), Now),
            new DiskEvent.JobSettled(failed),
            new DiskEvent.GroupLeft(Group));
        Assert.Empty(JobRestarts.Due(state));

        var again = Command([new DiskCommand.StartBackup(order with { Restarts = 1, RestartCount = 1, RetryOf = failed }) { Disk = Disk }, Actions[0]]) with { Group = new GroupId("group-2") };
        var (decision, plan) = GroupPartDecider.Prepare(state, Disk, again, [true], () => new JobId("job-2"), Now);
        var job = plan!.Jobs[0];

        Assert.Equal((failed, sync, 1, 1, kept?.Point), (job.RetryOf, job.Sync, job.Restarts, job.RestartCount, job.Base));
        Assert.Equal(("group-2", true), (job.Group!.Value.Value, job.IsGrouped));

        // It is a full backup still to what was emptied at its instant.
        Assert.Equal(job.Id, Assert.Single(decision.Events.OfType<DiskEvent.GroupJoined>().Single().Overlays).AwaitsBaseOf);
    }

    /// <summary>What was made for a job goes with the group, unless it keeps what was copied.</summary>
    [Theory]
    [InlineData(GroupDecision.Undo, false, true)]
    [InlineData(GroupDecision.Force, false, true)]
    [InlineData(GroupDecision.Abort, false, true)]
    [InlineData(GroupDecision.Abort, true, false)]
    [InlineData(GroupDecision.Commit, true, false)]
    [InlineData(GroupDecision.Start, false, false)]
    public void A_bitmap_that_was_made_for_a_job_of_a_group_stays_only_if_it_keeps_something(GroupDecision decision, bool keeps, bool goes)
    {
        var preparation = Prepare(Start, new DiskCommand.StartBackup(Order(SyncMode.Auto)) { Disk = Disk }, new DiskCommand.StartBackup(Order(SyncMode.Full, "x", BitmapSyncPolicy.Always)) { Disk = Disk });
        var job = preparation.Plan!.Jobs[0].Id;
        var kept = keeps ? new BitmapBase(BaseState.Partial, new PointId(job.Value), RepositoryId) : (BitmapBase?)null;
        var decided = Start.After(preparation.Decision).After(new DiskEvent.GroupDecided(Group, decision));
        Assert.Empty(GroupLeftovers.Of(decided, decided.Groups[Group.Value]));

        var state = decided.After(
            new DiskEvent.JobConcluded(job, new JobConclusion(JobOutcome.Cancelled, BitmapRemainder.SyncBitmap, kept, kept?.Point, null, null, JobStatistics.Empty, []), Now),
            new DiskEvent.JobSettled(job));

        Assert.Equal(goes ? ["auto.main"] : [], GroupLeftovers.Of(state, state.Groups[Group.Value]));
        Assert.Empty(GroupLeftovers.Of(state.After(new DiskEvent.DiskExported(["auto.main"], Now)), state.Groups[Group.Value]));
    }

    /// <summary>Abort and force leave bitmaps as they were, but for the jobs that end; a commit makes them what the actions made of them.</summary>
    private static void AssertEnds(DiskState state, DiskEvent.GroupJoined joined, GroupPlan plan, string text)
    {
        foreach (var overlay in joined.Overlays.Where(o => Start.Bitmaps.ContainsKey(o.Name)))
        {
            AssertRefused(RefusalCode.Busy, BitmapDecider.Clear(state, new DiskCommand.ClearBitmap(overlay.Name) { Disk = Disk }));
        }

        var aborted = state.After(new DiskEvent.GroupDecided(Group, GroupDecision.Abort));
        foreach (var job in plan.Jobs)
        {
            aborted = aborted.After(Concluded(job.Id, JobOutcome.Cancelled, null), new DiskEvent.JobSettled(job.Id));
        }

        Assert.True(Start.Bitmaps.OrderBy(b => b.Key).SequenceEqual(aborted.Bitmaps.OrderBy(b => b.Key)), text);
        var committed = state.After(new DiskEvent.GroupDecided(Group, GroupDecision.Commit));
        foreach (var overlay in joined.Overlays)
        {
            var bitmap = committed.Bitmaps[overlay.Name];
            var user = plan.Jobs.FirstOrDefault(j => j.BitmapSet == overlay.SetId)?.Id;
            Assert.True((overlay.SetId, overlay.Recording, user, null) == (bitmap.SetId, bitmap.Recording, bitmap.BusyWith, bitmap.Group), text);
        }
    }

    private static DiskEvent.JobConcluded Concluded(JobId job, JobOutcome outcome, PointId? point) =>
        new(job, new JobConclusion(outcome, BitmapRemainder.SyncBitmap, null, point, null, null, JobStatistics.Empty, []), Now);

    private static GroupPreparation Prepare(DiskState state, params DiskCommand[] actions)
    {
        var jobs = 0;
        return GroupPartDecider.Prepare(state, Disk, Command(actions), [.. actions.OfType<DiskCommand.StartBackup>().Select(_ => true)], () => new JobId($"job-{++jobs}"), Now);
    }

    private static DiskCommand.PrepareGroup Command(IReadOnlyList<DiskCommand> actions) =>
        new(Group, GroupCompletion.Grouped, actions, Now) { Disk = Disk };

    private static IEnumerable<DiskCommand[]> Orders(int length) =>
        length == 0 ? [[]] : Orders(length - 1).SelectMany(before => Actions.Select(a => before.Append(a).ToArray()));

    private static string Name(DiskCommand action) =>
        action switch
        {
            DiskCommand.StartBackup b => $"backup {b.Order.Sync} {b.Order.Bitmap} {b.Order.Policy}",
            DiskCommand.SetBitmapRecording r => $"recording {r.Name} {r.Recording}",
            DiskCommand.MergeBitmaps m => $"merge {m.Target} of {string.Join('+', m.Sources)}",
            DiskCommand.LendToGroup l => $"lend {l.Name}",
            DiskCommand.ClearBitmap c => $"clear {c.Name}",
            _ => "add n",
        };

    /// <summary>Carries the plan out as the data plane does, or its first steps: x has bit 1, y has bit 2, what is borrowed has bit 3.</summary>
    private static Dictionary<ulong, HashSet<int>> BitsOf(GroupPlan plan, int steps = int.MaxValue)
    {
        var bits = new Dictionary<ulong, HashSet<int>> { [Start.Bitmaps["x"].SetId] = [1], [Start.Bitmaps["y"].SetId] = [2] };
        foreach (var set in plan.Sets)
        {
            bits.Add(set.SetId, set.StartsAs is { } source ? [.. bits[source]] : []);
        }

        foreach (var step in plan.Steps.Take(steps))
        {
            if (step.Sources is null)
            {
                bits[step.SetId].Clear();
            }

            foreach (var source in step.Sources ?? [])
            {
                bits[step.SetId].UnionWith(bits[source]);
            }

            bits[step.SetId].UnionWith(step.Borrowed.Select(_ => 3));
        }

        return bits;
    }

    /// <summary>The same actions on a disk that does each at once.</summary>
    private sealed class OneByOne
    {
        public Dictionary<string, Bitmap> Bitmaps { get; } = new()
        {
            ["x"] = new Bitmap { Bits = [1], IsRecording = true, Base = BaseState.Valid },
            ["y"] = new Bitmap { Bits = [2] },
        };

        public bool Full { get; private set; }

        /// <summary>Bits of what was lent, when it was.</summary>
        public List<HashSet<int>> Lent { get; } = [];

        public RefusalCode? Do(DiskCommand action)
        {
            switch (action)
            {
                case DiskCommand.AddBitmap c:
                    return Bitmaps.TryAdd(c.Name, new Bitmap { IsRecording = true, IsAltered = true, IsEmptied = true }) ? null : RefusalCode.Duplicate;
                case DiskCommand.ClearBitmap c:
                    return Change(c.Name, b =>
                    {
                        b.Bits.Clear();
                        (b.IsAltered, b.IsEmptied, b.Base) = (true, true, BaseState.None);
                    });
                case DiskCommand.SetBitmapRecording c:
                    return Change(c.Name, b =>
                    {
                        b.IsAltered |= b.IsRecording != c.Recording;
                        (b.IsRecording, b.Base) = (c.Recording, c.Recording ? b.Base : BaseState.None);
                    });
                case DiskCommand.LendToGroup c:
                    return Change(c.Name, b => Lent.Add([.. b.Bits]));
                case DiskCommand.MergeBitmaps c when c.Sources.Contains(Foreign):
                    return Change(c.Target, b =>
                    {
                        b.IsAltered = true;
                        b.Bits.Add(3);
                    });
                case DiskCommand.MergeBitmaps c:
                    return c.Sources.Select(s => s.Name).Prepend(c.Target).Select(n => Bitmaps.ContainsKey(n) ? (RefusalCode?)null : RefusalCode.UnknownBitmap).FirstOrDefault(r => r is not null)
                        ?? (c.Sources.Any(s => Bitmaps[s.Name].IsBusy) ? RefusalCode.Busy : Change(c.Target, b =>
                        {
                            b.IsAltered = true;
                            c.Sources.ToList().ForEach(s => b.Bits.UnionWith(Bitmaps[s.Name].Bits));
                        }));
                case DiskCommand.StartBackup { Order: var o }:
                    var refused = o.Bitmap is null ? null
                        : o.Policy == BitmapSyncPolicy.Always && Bitmaps.GetValueOrDefault(o.Bitmap)?.IsAltered == true ? RefusalCode.InvalidPolicy
                        : Change(o.Bitmap, b => b.IsBusy = true);
                    Full |= refused is null && o.Sync == SyncMode.Full;
                    return refused;
                default:
                    throw new ArgumentOutOfRangeException(nameof(action));
            }
        }

        private RefusalCode? Change(string name, Action<Bitmap> change)
        {
            if (!Bitmaps.TryGetValue(name, out var bitmap) || bitmap.IsBusy)
            {
                return bitmap is null ? RefusalCode.UnknownBitmap : RefusalCode.Busy;
            }

            change(bitmap);
            return null;
        }

        public sealed class Bitmap
        {
            public HashSet<int> Bits { get; init; } = [];

            public bool IsRecording { get; set; }

            public BaseState Base { get; set; }

            public bool IsBusy { get; set; }

            public bool IsAltered { get; set; }

            public bool IsEmptied { get; set; }
        }
    }
}
