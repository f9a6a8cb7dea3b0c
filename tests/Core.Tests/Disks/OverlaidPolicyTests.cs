using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using static ActorBackup.Core.Tests.Disks.Given;

namespace ActorBackup.Core.Tests.Disks;

/// <summary>`always` on a bitmap that the same transaction altered earlier is refused, also of a job that runs (rule 21).</summary>
public sealed class OverlaidPolicyTests
{
    private static readonly GroupId Group = new("group-1");

    public static TheoryData<GroupCompletion, GroupDecision?, bool> Times => new()
    {
        // completion, what the disk knows of a decision, may be
        { GroupCompletion.Grouped, null, false },
        { GroupCompletion.Grouped, GroupDecision.Abort, false },
        { GroupCompletion.Grouped, GroupDecision.Force, false },
        { GroupCompletion.Grouped, GroupDecision.Commit, true },
        { GroupCompletion.Individual, null, false },
        { GroupCompletion.Individual, GroupDecision.Undo, false },
        { GroupCompletion.Individual, GroupDecision.Start, true },
    };

    [Theory]
    [MemberData(nameof(Times))]
    public void A_job_can_keep_bits_of_a_bitmap_that_its_group_changed_only_when_the_change_counts(GroupCompletion completion, GroupDecision? decision, bool mayBe)
    {
        var (state, job) = After(completion, decision, new DiskCommand.ClearBitmap("x") { Disk = Disk });

        Assert.Equal(mayBe ? null : RefusalCode.InvalidPolicy, OverlaidPolicy.WhyNot(state, Disk, job, BitmapSyncPolicy.Always)?.Code);
        Assert.Null(OverlaidPolicy.WhyNot(state, Disk, job, BitmapSyncPolicy.Never));
        Assert.Null(OverlaidPolicy.WhyNot(state, Disk, job, BitmapSyncPolicy.Conditional));
    }

    [Theory]
    [MemberData(nameof(Times))]
    public void A_change_of_another_bitmap_is_no_hindrance(GroupCompletion completion, GroupDecision? decision, bool mayBe)
    {
        var (state, job) = After(completion, decision, new DiskCommand.ClearBitmap("y") { Disk = Disk });

        Assert.True(OverlaidPolicy.WhyNot(state, Disk, job, BitmapSyncPolicy.Always) is null, $"{mayBe}");
    }

    private static (DiskState State, JobState Job) After(GroupCompletion completion, GroupDecision? decision, DiskCommand change)
    {
        var start = Online.WithBitmap("x", Base).WithBitmap("y");
        var prepare = new DiskCommand.PrepareGroup(
            Group, completion, [change, new DiskCommand.StartBackup(Order(SyncMode.Bitmap, "x", BitmapSyncPolicy.Conditional)) { Disk = Disk }], Now) { Disk = Disk };
        var state = start.After(GroupPartDecider.Prepare(start, Disk, prepare, [true], () => Job, Now).Decision);
        state = decision is { } d ? state.After(new DiskEvent.GroupDecided(Group, d)) : state;
        return (state, state.Jobs[Job.Value]);
    }
}
