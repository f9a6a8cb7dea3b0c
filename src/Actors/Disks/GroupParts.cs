using ActorBackup.Actors.Backups;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Volumes.Disks;

namespace ActorBackup.Actors.Disks;

/// <summary>What a disk's part of a group looks like from outside, and to the data plane.</summary>
internal static class GroupParts
{
    /// <summary>What the plan is for the disk's data plane.</summary>
    /// <param name="reservation">With what other disks will have lent by then.</param>
    /// <param name="scratchDirectory">Of the jobs' copy-before-write.</param>
    public static GroupInstant InstantOf(GroupReservation reservation, string scratchDirectory) =>
        new(
            [.. reservation.Plan.Sets.Select(s => new NewSet(s.SetId, s.GranularityBytes, s.Recording, !s.Persistent, s.StartsAs))],
            [.. reservation.Plan.Steps.Select(s => new SetStep(s.SetId, s.Sources) { More = () => s.Borrowed.SelectMany(b => reservation.Lent[b]) })],
            [.. reservation.Plan.Jobs.Select(j => JobSnapshots.RequestOf(j, scratchDirectory))]);

    /// <param name="state">Of the disk.</param>
    /// <param name="disk">Its id.</param>
    /// <param name="group">Whose part.</param>
    /// <param name="isReserved">The instant is still to come.</param>
    /// <param name="isLost">Bitmaps that the part changes are not in the tracking file: it cannot carry out a commit.</param>
    /// <param name="isStored">They are there durably.</param>
    /// <param name="running">Jobs that run in this process, or will go on as soon as their repository answers.</param>
    public static GroupPartView ViewOf(
        DiskState state, DiskId disk, GroupId group, bool isReserved, string? isLost, bool isStored, Func<JobId, bool> running)
    {
        if (!state.Groups.TryGetValue(group.Value, out var part))
        {
            return new GroupPartView(disk, GroupPartStatus.Unknown, []);
        }

        var jobs = part.Jobs.Select(j => state.Jobs.GetValueOrDefault(j.Value)).OfType<JobState>().ToList();
        var members = jobs.Select(j => new GroupMember(disk, j.Spec.Id, j.IsSettled ? j.Conclusion?.Outcome : null, j.Conclusion?.Point, j.Conclusion?.Error)).ToList();
        if (part.Decision is not null)
        {
            return new GroupPartView(disk, jobs.TrueForAll(j => j.IsSettled) ? GroupPartStatus.Settled : GroupPartStatus.Ending, members);
        }

        if (isReserved)
        {
            return new GroupPartView(disk, GroupPartStatus.Prepared, members);
        }

        var failed = jobs.Find(j => j.Pending?.Error is not null || (j.Pending is null && !running(j.Spec.Id)));
        if (failed is not null || isLost is not null)
        {
            return new GroupPartView(disk, GroupPartStatus.Failed, members)
            {
                Error = isLost ?? failed!.Pending?.Error ?? $"job {failed.Spec.Id} of disk '{disk}' died with its node's process",
                IsCancelled = failed?.Pending?.IsCancelled == true,
                IsForced = failed?.Pending?.IsForced == true,
            };
        }

        var hasVoted = isStored && part.Completion == GroupCompletion.Grouped && jobs.TrueForAll(j => j.Pending is not null);
        return new GroupPartView(disk, hasVoted ? GroupPartStatus.Voted : GroupPartStatus.Running, members);
    }

    /// <summary>The refusal of the earliest action; null = all can be carried out.</summary>
    /// <param name="command">The actions.</param>
    /// <param name="found">What the repositories of its backups say, in order.</param>
    /// <param name="preparation">What the disk says.</param>
    public static DiskReply.ActionRejected? FirstRefusal(DiskCommand.PrepareGroup command, IReadOnlyList<BaseLookup> found, GroupPreparation preparation)
    {
        var backups = Enumerable.Range(0, command.Actions.Count).Where(i => command.Actions[i] is DiskCommand.StartBackup);
        var refusals = backups.Zip(found, (i, f) => (Action: i, f.Refusal)).Append((Action: preparation.RefusedAction, preparation.Decision.Refusal));
        return refusals.Where(r => r.Refusal is not null).Select(r => new DiskReply.ActionRejected(r.Action, r.Refusal!)).MinBy(r => r.Action);
    }

    /// <summary>What the decision means to a job that waits for it since an earlier process.</summary>
    public static DiskCommand CommandFor(JobState job, DiskId disk, GroupDecision decision) =>
        decision switch
        {
            GroupDecision.Undo or GroupDecision.Force => new DiskCommand.CancelJob(job.Spec.Id, true) { Disk = disk },
            GroupDecision.Abort when job.Pending is { Error: null } or { IsCancelled: true } => new DiskCommand.CancelJob(job.Spec.Id, job.Pending.IsForced) { Disk = disk },
            _ => new DiskCommand.FinalizeJob(job.Spec.Id, null) { Disk = disk },
        };

    /// <summary>Sets of the disk whose bits are lent, or that what is lent begins with.</summary>
    public static IEnumerable<ulong> SetsLent(GroupPlan plan) =>
        from lent in plan.Lent
        let made = plan.Sets.FirstOrDefault(s => s.SetId == lent.SetId)
        let set = made is null ? lent.SetId : made.StartsAs
        where set is not null
        select set.Value;

    /// <summary>Only bitmaps of disks of equal size can be merged.</summary>
    public static Refusal? RefusalOf(LentBitmap lent, DiskId disk, long sizeBytes) =>
        lent.DiskSizeBytes == sizeBytes
            ? null
            : new Refusal(
                RefusalCode.InvalidSize,
                $"disk '{lent.Loan.Address.Disk}' has {lent.DiskSizeBytes} bytes and disk '{disk}' {sizeBytes}; only bitmaps of disks of equal size can be merged");

    public static Refusal Gone(DiskId disk, GroupId group) =>
        new(RefusalCode.NotReady, $"disk '{disk}' has nothing reserved for group {group} any more; start the group again");
}
