using ActorBackup.Actors.Disks;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Tests.Groups;

/// <summary>A disk as a group's coordinator meets it: its journal through the shipped deciders and transitions, its data plane as a few sets in memory.</summary>
/// <remarks>
/// Durable are the journal (<see cref="State"/>) and the sets of the tracking file; a restart forgets everything else: reservation, hold, running jobs. Each
/// message is carried out in one piece, as the actor does it, and each of its steps may be the last one before a restart.
/// </remarks>
internal sealed class DiskDouble
{
    private const string RepositoryId = "repo-id";

    private readonly DiskGuards _guards;
    private readonly Func<DateTimeOffset> _now;
    private readonly Func<long> _tick;
    private readonly HashSet<ulong> _sets = [];
    private readonly Dictionary<JobId, bool> _running = [];
    private readonly Dictionary<JobId, PendingJob> _votes = [];
    private readonly Dictionary<GroupLoan, LentBitmap> _borrowed = [];
    private GroupPlan? _reserved;
    private GroupId? _reservedFor;
    private DateTimeOffset _reservedAt;
    private bool _isHeld;
    private long _heldSince;
    private readonly Dictionary<GroupId, int> _joined = [];
    private int _jobs;

    public DiskDouble(DiskId id, DiskGuards guards, Func<DateTimeOffset> now, Func<long> tick)
    {
        (Id, _guards, _now, _tick) = (id, guards, now, tick);
        Record(new DiskEvent.DiskAdded(new DiskDefinition(id, "/images/disk.raw", 1 << 20, 65_536, "/images/.disk", false, "host"), now()));
        foreach (var name in new[] { "x", "y" })
        {
            _sets.Add(State.NextSetId);
            Record(new DiskEvent.BitmapAdded(name, State.NextSetId, 65_536, true, true, BitmapBase.None));
        }

        Before = State;
    }

    public DiskId Id { get; }

    public DiskState State { get; private set; } = DiskState.Empty;

    /// <summary>As it was when nobody had asked yet.</summary>
    public DiskState Before { get; }

    /// <summary>Its backing cannot be opened.</summary>
    public bool IsOffline { get; set; }

    /// <summary>Its node is being stopped in order: nothing begins until the next process.</summary>
    public bool IsStopping { get; private set; }

    public bool IsReserved => _reservedFor is not null;

    /// <summary>From when to when writes were held before the instant of a group, in ticks of the world.</summary>
    public Dictionary<GroupId, (long Held, long Taken)> Instants { get; } = [];

    /// <summary>At a group's instant: which bitmaps of other disks were merged, and when they were as they were merged.</summary>
    public Dictionary<GroupId, IReadOnlyList<LentBitmap>> Borrowed { get; } = [];

    /// <summary>What became of jobs, also of those that the journal has forgotten.</summary>
    public Dictionary<JobId, (GroupId Group, JobOutcome Outcome)> Outcomes { get; } = [];

    /// <summary>What it has carried out for groups that it had a part in.</summary>
    public Dictionary<GroupId, GroupDecision> Decisions { get; } = [];

    /// <summary>A promise that was broken.</summary>
    public string? Broken { get; private set; }

    public DiskReply Handle(object message) =>
        message switch
        {
            DiskQuery.GetGroupPart q => PartOf(q.Group),
            DiskQuery.GetDisk => new DiskReply.Disk(new DiskView(State.Definition!, IsOffline ? DiskCondition.Offline : DiskCondition.Online, null, null, null)),
            DiskCommand.PrepareGroup or DiskCommand.HoldGroup or DiskCommand.GetLoans or DiskCommand.BorrowInGroup or DiskCommand.StartGroup when IsStopping =>
                new DiskReply.Rejected(new Refusal(RefusalCode.NotReady, $"the node of disk '{Id}' is being stopped") { IsPassing = true }),
            DiskCommand.PrepareGroup c => Prepare(c),
            DiskCommand.HoldGroup c => Hold(c),
            DiskCommand.GetLoans c => Loans(c),
            DiskCommand.BorrowInGroup c => Borrow(c),
            DiskCommand.StartGroup c => Take(c),
            DiskCommand.DecideGroup c => Decide(c),
            DiskCommand.AwaitGroup c => PartOf(c.Group),
            DiskCommand.LeaveGroup c => Leave(c),
            _ => throw new ArgumentOutOfRangeException(nameof(message), message.GetType().Name, "No message of a coordinator."),
        };

    public void Stop()
    {
        IsStopping = true;
        if (_reservedFor is { } group)
        {
            Release(group);
            Record(new DiskEvent.GroupLeft(group));
        }
    }

    /// <summary>The process dies; the next one opens the disk.</summary>
    public void Restart()
    {
        (_reserved, _reservedFor, _isHeld, IsStopping) = (null, null, false, false);
        _running.Clear();
        _votes.Clear();
        foreach (var part in State.Groups.Values.Where(g => g.Decision is not null).ToList())
        {
            End(part.Group);
        }
    }

    /// <summary>Time is up for the hold, if there is one.</summary>
    public void ExpireHold() => _isHeld = false;

    /// <summary>A coordinator that was not heard of for so long has died before it began.</summary>
    public void ExpireReservation(TimeSpan limit)
    {
        if (_reservedFor is { } group && _now() - _reservedAt >= limit)
        {
            Release(group);
            Record(new DiskEvent.GroupLeft(group));
        }
    }

    /// <summary>A running job has copied everything, or failed, or a person cancelled it: it votes, or, where its outcome is its own, ends when it may. False = there is none.</summary>
    public bool Finish(int which, bool fails, bool isCancelled, bool isForced)
    {
        if (_running.Where(r => !r.Value).Select(r => r.Key).OrderBy(j => j.Value, StringComparer.Ordinal).ElementAtOrDefault(which) is not { Value: not null } job)
        {
            return false;
        }

        _running[job] = true;
        var error = isCancelled ? "cancelled" : fails ? "broken" : null;
        var pending = new PendingJob(error, error, JobStatistics.Empty, [], _now()) { IsCancelled = isCancelled, IsForced = isForced };
        if (!State.Jobs[job.Value].Spec.IsGrouped || !_guards.WaitForDecision)
        {
            _votes[job] = pending;
            if (!_guards.WaitForDecision)
            {
                EndJob(job, error is null ? JobOutcome.Success : JobOutcome.Failed);
            }
        }
        else if (_guards.VoteIsDurable)
        {
            Record(new DiskEvent.JobPending(job, pending));
        }
        else
        {
            _votes[job] = pending;
        }

        State.Groups.Values.Where(g => g.Decision is not null).ToList().ForEach(g => End(g.Group));
        return true;
    }

    private DiskReply.GroupPart PartOf(GroupId group)
    {
        var isStored = State.Groups.TryGetValue(group.Value, out var part) && part.Overlays.All(o => _sets.Contains(o.SetId));
        var lost = isStored || _reservedFor == group ? null : "sets are not in the tracking file";
        var state = _votes.Where(v => State.Jobs.GetValueOrDefault(v.Key.Value) is { Conclusion: null, Spec.IsGrouped: true })
            .Aggregate(State, (s, v) => DiskTransitions.Apply(s, new DiskEvent.JobPending(v.Key, v.Value)));
        return new DiskReply.GroupPart(GroupParts.ViewOf(state, Id, group, _reservedFor == group, lost, isStored, _running.ContainsKey));
    }

    private DiskReply Prepare(DiskCommand.PrepareGroup c)
    {
        if (State.Groups.ContainsKey(c.Group.Value))
        {
            return PartOf(c.Group);
        }

        if (IsReserved || _now() > c.Deadline)
        {
            return new DiskReply.Rejected(GroupParts.Gone(Id, c.Group));
        }

        var preparation = GroupPartDecider.Prepare(
            State, Id, c, [.. c.Actions.OfType<DiskCommand.StartBackup>().Select(_ => true)], () => new JobId($"{Id}-job-{++_jobs}"), _now());
        var (decision, plan) = preparation;
        if (decision.Refusal is { } refusal)
        {
            return new DiskReply.ActionRejected(preparation.RefusedAction, refusal);
        }

        _joined[c.Group] = _joined.GetValueOrDefault(c.Group) + 1;
        Record([.. decision.Events]);
        decision.Events.OfType<DiskEvent.BitmapAdded>().ToList().ForEach(b => _sets.Add(b.SetId));
        (_reserved, _reservedFor, _reservedAt, _isHeld, _heldSince) = (plan, c.Group, _now(), false, 0);
        _borrowed.Clear();
        return PartOf(c.Group);
    }

    private DiskReply Hold(DiskCommand.HoldGroup c)
    {
        if (_reservedFor != c.Group)
        {
            return new DiskReply.Rejected(GroupParts.Gone(Id, c.Group));
        }

        // One hold per reservation: the same message again does not begin another one.
        if (_heldSince == 0)
        {
            (_isHeld, _heldSince) = (true, _tick());
        }

        return PartOf(c.Group);
    }

    /// <summary>A bit says when it was lent.</summary>
    private DiskReply Loans(DiskCommand.GetLoans c) =>
        _reservedFor != c.Group || (_guards.LendsWhenHeld && _heldSince == 0)
            ? new DiskReply.Rejected(GroupParts.Gone(Id, c.Group))
            : new DiskReply.Loans([
                .. _reserved!.Lent.Where(l => c.Wanted.Contains(l.Loan) && _reserved.BorrowedBefore(l.Steps).All(_borrowed.ContainsKey))
                    .Select(l => new LentBitmap(l.Loan, 1 << 20, [new Extent(_tick(), 1)]))]);

    private DiskReply Borrow(DiskCommand.BorrowInGroup c)
    {
        if (_reservedFor != c.Group)
        {
            return new DiskReply.Rejected(GroupParts.Gone(Id, c.Group));
        }

        c.Lent.ToList().ForEach(l => _borrowed[l.Loan] = l);
        return PartOf(c.Group);
    }

    private DiskReply Take(DiskCommand.StartGroup c)
    {
        if (_reservedFor != c.Group)
        {
            return Instants.ContainsKey(c.Group) && State.Groups.ContainsKey(c.Group.Value) ? PartOf(c.Group) : new DiskReply.Rejected(GroupParts.Gone(Id, c.Group));
        }

        if (_reserved!.Borrowed.Any(b => !_borrowed.ContainsKey(b)))
        {
            return new DiskReply.Rejected(GroupParts.Gone(Id, c.Group));
        }

        if (!_isHeld && (_guards.HoldsExpire || _heldSince == 0))
        {
            return new DiskReply.Rejected(new Refusal(RefusalCode.NotReady, $"disk '{Id}' does not hold writes any more"));
        }

        Instants.TryAdd(c.Group, _isHeld ? (_heldSince, _tick()) : (long.MaxValue, _tick()));
        Borrowed.TryAdd(c.Group, [.. _borrowed.Values]);
        foreach (var set in _reserved!.Sets)
        {
            _sets.Add(set.SetId);
        }

        _reserved.Jobs.ToList().ForEach(j => _running.Add(j.Id, false));
        (_reserved, _reservedFor, _isHeld) = (null, null, false);
        return PartOf(c.Group);
    }

    private DiskReply.GroupPart Decide(DiskCommand.DecideGroup c)
    {
        if (_reservedFor == c.Group)
        {
            Release(c.Group);
        }
        else if (State.Groups.TryGetValue(c.Group.Value, out var part))
        {
            if (part.Decision is null)
            {
                Note(c.Group, c.Decision);
                Record(new DiskEvent.GroupDecided(c.Group, c.Decision));
            }

            End(c.Group);
        }

        return PartOf(c.Group);
    }

    private DiskReply Leave(DiskCommand.LeaveGroup c)
    {
        if (State.Groups.TryGetValue(c.Group.Value, out var part) && part.Decision is not null && part.Jobs.All(j => State.Jobs.GetValueOrDefault(j.Value) is null or { IsSettled: true }))
        {
            Record(new DiskEvent.GroupLeft(c.Group));
            return new DiskReply.Done();
        }

        return PartOf(c.Group);
    }

    private void Release(GroupId group)
    {
        (_reserved, _reservedFor, _isHeld) = (null, null, false);
        Note(group, GroupDecision.Undo);
        Record(new DiskEvent.GroupDecided(group, GroupDecision.Undo));
        End(group);
    }

    /// <summary>Of the first part that it had: a message that came twice may make another one, which never counts.</summary>
    private void Note(GroupId group, GroupDecision decision)
    {
        if (_joined[group] == 1)
        {
            Decisions[group] = decision;
        }
    }

    /// <summary>Carries out what was decided, as far as it can be now.</summary>
    private void End(GroupId group)
    {
        var part = State.Groups[group.Value];
        foreach (var job in part.Jobs.Select(j => State.Jobs.GetValueOrDefault(j.Value)).OfType<JobState>().Where(j => j.Conclusion is null))
        {
            switch (part.Decision)
            {
                case GroupDecision.Commit when (job.Pending ?? _votes.GetValueOrDefault(job.Spec.Id)) is { Error: null }:
                    EndJob(job.Spec.Id, JobOutcome.Success);
                    break;
                case GroupDecision.Commit:
                    Broken ??= $"group {group} commits, and job {job.Spec.Id} has not voted for it";
                    EndJob(job.Spec.Id, JobOutcome.Interrupted);
                    break;
                case GroupDecision.Start when _votes.TryGetValue(job.Spec.Id, out var end):
                    EndJob(job.Spec.Id, end.Error is null ? JobOutcome.Success : JobOutcome.Failed);
                    break;
                case GroupDecision.Start when _running.ContainsKey(job.Spec.Id):
                    break;
                case GroupDecision.Undo:
                    // Forgotten below: nobody will ask what became of it.
                    EndJob(job.Spec.Id, JobOutcome.Cancelled);
                    Outcomes.Remove(job.Spec.Id);
                    break;
                default:
                    EndJob(job.Spec.Id, JobOutcome.Cancelled);
                    break;
            }
        }

        if (part.Jobs.All(j => State.Jobs.GetValueOrDefault(j.Value) is null or { IsSettled: true }))
        {
            Record([.. GroupLeftovers.Of(State, part).Select(b => new DiskEvent.BitmapRemoved(b))]);
        }

        if (part.Decision == GroupDecision.Undo)
        {
            Record(new DiskEvent.JobsForgotten([.. part.Jobs.Where(j => State.Jobs.ContainsKey(j.Value))]));
        }
    }

    private void EndJob(JobId job, JobOutcome outcome)
    {
        var point = outcome == JobOutcome.Success ? new PointId(job.Value) : (PointId?)null;
        Record(
            new DiskEvent.JobConcluded(job, new JobConclusion(outcome, BitmapRemainder.SyncBitmap, null, point, null, null, JobStatistics.Empty, []), _now()),
            new DiskEvent.JobSettled(job));
        Outcomes[job] = (State.Jobs[job.Value].Spec.Group!.Value, outcome);
        _running.Remove(job);
    }

    private void Record(params ReadOnlySpan<DiskEvent> events)
    {
        foreach (var e in events)
        {
            State = DiskTransitions.Apply(State, e);
        }
    }
}
