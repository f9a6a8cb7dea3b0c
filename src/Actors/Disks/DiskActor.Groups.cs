using System.Security.Cryptography;
using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Persistence;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using Akka.Actor;

namespace ActorBackup.Actors.Disks;

/// <content>
/// The disk's part of a group: prepared, held, started, ended by what the coordinator decides. From "prepared" to the instant no other command is carried
/// out. Nothing of it settles before the coordinator's decision is known, also after a crash: then the part stays busy and asks.
/// </content>
public sealed partial class DiskActor
{
    /// <summary>A coordinator that is not heard of for so long has died before it began.</summary>
    private static readonly TimeSpan ReservationLimit = TimeSpan.FromSeconds(60);

    private readonly Dictionary<GroupId, TimeSpan> _instants = [];
    private readonly Dictionary<GroupId, string> _lostParts = [];
    private readonly HashSet<GroupId> _awaited = [];

    /// <summary>Groups whose instant was taken and is not durable yet.</summary>
    private readonly HashSet<GroupId> _storing = [];
    private GroupReservation? _reservation;

    /// <summary>Handles what may come at any time, also while the disk is reserved. False = it is a command.</summary>
    private bool NoticeGroup(object message)
    {
        switch (message)
        {
            case DiskQuery.GetGroupPart q:
                Sender.Tell(PartOf(q.Group), Self);
                return true;
            case DiskCommand.PrepareGroup c when IsReservedFor(c.Group):
                Sender.Tell(PartOf(c.Group), Self);
                return true;
            case var _ when WhyStopping() is { } stopping && OpeningOf(message) is { } group && !IsReservedFor(group) && !_instants.ContainsKey(group):
                // What was reserved is given up because of the stop, which is no refusal of the group.
                Sender.Tell(Rejected(stopping), Self);
                return true;
            case DiskCommand.HoldGroup c:
                Hold(c);
                return true;
            case DiskCommand.GetLoans c:
                Sender.Tell(LoansOf(c), Self);
                return true;
            case DiskCommand.BorrowInGroup c:
                Sender.Tell(Borrow(c), Self);
                return true;
            case DiskCommand.StartGroup c:
                TakeInstant(c);
                return true;
            case DiskCommand.DecideGroup c when IsReservedFor(c.Group):
                Release(Sender);
                return true;
            case ReservationExpired r:
                if (IsReservedFor(r.Group))
                {
                    Release(null);
                }

                return true;
            case DiskCommand.AwaitGroup c:
                _awaited.Add(c.Group);
                foreach (var job in State.Groups.GetValueOrDefault(c.Group.Value)?.Jobs.Where(_running.ContainsKey) ?? [])
                {
                    _running[job].Control.MoveTo(JobStatus.Pending);
                }

                Sender.Tell(PartOf(c.Group), Self);
                return true;
            case DiskCommand.CancelJob c when UndecidedGroupOf(c.Job) is { } group:
                Sender.Tell(CancelInGroup(c, group), Self);
                return true;
            case DiskCommand.FinalizeJob c when UndecidedGroupOf(c.Job) is { } group && _awaited.Contains(group):
                TellGroup(c.Keep == false ? new GroupCommand.Cancel(true) { Group = group } : new GroupCommand.Complete { Group = group });
                Sender.Tell(new DiskReply.Job(ViewOf(c.Job)!), Self);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The group that goes on to its instant by this message; null = it is another one.</summary>
    private static GroupId? OpeningOf(object message) =>
        message switch
        {
            DiskCommand.HoldGroup c => c.Group,
            DiskCommand.GetLoans c => c.Group,
            DiskCommand.BorrowInGroup c => c.Group,
            DiskCommand.StartGroup c => c.Group,
            _ => null,
        };

    private bool IsReservedFor(GroupId group) => _reservation?.Group == group;

    /// <summary>
    /// A job that still copies is cancelled here, and says so when it votes; about one that has voted the coordinator decides. It may vote at any moment.
    /// One of an earlier process, which waits for its repository, may never vote.
    /// </summary>
    private object CancelInGroup(DiskCommand.CancelJob c, GroupId group)
    {
        var isLeft = !_running.ContainsKey(c.Job) && !IsReservedFor(group);
        if (!isLeft && !HasVoted(c.Job) && Steer(c) is DiskReply.Rejected refused)
        {
            return refused;
        }

        if (isLeft || HasVoted(c.Job))
        {
            TellGroup(new GroupCommand.Cancel(c.Force) { Group = group });
        }

        return new DiskReply.Job(ViewOf(c.Job)!);
    }

    private bool HasVoted(JobId job) => State.Jobs[job.Value].Pending is not null || _running.GetValueOrDefault(job)?.Control.HasVoted == true;

    /// <summary>The group whose coordinator has still to decide about the job; null = none.</summary>
    private GroupId? UndecidedGroupOf(JobId job) =>
        State.Jobs.GetValueOrDefault(job.Value) is { Conclusion: null, Spec: { IsGrouped: true, Group: { } group } }
        && State.Groups.GetValueOrDefault(group.Value) is { Decision: null }
            ? group
            : null;

    /// <summary>What comes of it comes as the coordinator's decision: an answer would be no command here.</summary>
    private void TellGroup(GroupCommand command) => runner.Groups.Tell(command, ActorRefs.NoSender);

    private DiskReply.GroupPart PartOf(GroupId group)
    {
        var isStored = !_storing.Contains(group)
            && (_instants.ContainsKey(group)
                || (State.Groups.TryGetValue(group.Value, out var part) && Local.Disk is { } disk && part.Overlays.All(o => disk.BitmapSets.Contains(o.SetId))));

        // Of a disk that is not open nobody knows; it is asked again.
        var lost = _lostParts.GetValueOrDefault(group)
            ?? (isStored || _storing.Contains(group) || IsReservedFor(group) || Local.Disk is null
                ? null
                : $"what group {group} was to change on disk '{id}' is not in its tracking file");
        return new DiskReply.GroupPart(
            GroupParts.ViewOf(State, id, group, IsReservedFor(group), lost, isStored, IsGoingOn) with
            {
                Hold = _instants.TryGetValue(group, out var hold) ? hold : null,
            });
    }

    /// <summary>It runs, or it will as soon as its repository answers.</summary>
    private bool IsGoingOn(JobId job) =>
        _running.ContainsKey(job)
        || (State.Jobs[job.Value].Suspended is { } suspended && Local.Disk?.Suspended.Contains(new Volumes.SuspendedSnapshot(job, suspended.Generation)) != false);

    private void PrepareGroup(DiskCommand.PrepareGroup c)
    {
        if (State.Groups.ContainsKey(c.Group.Value))
        {
            Finish(PartOf(c.Group));
            return;
        }

        if ((WhyStopping() ?? BitmapDecider.Online(State, id)?.Refusal) is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        if (clock.GetUtcNow() > c.Deadline)
        {
            Refuse(RefusalCode.NotReady, $"disk '{id}' was busy for too long; try again");
        }
        else if (disks.Loans.Of(id) is DiskLoan.ForRestore restore)
        {
            Finish(Rejected(LentTo(restore, "part of a group")));
        }
        else if (RequireOnline(out var disk))
        {
            var state = State;
            Work(() => FindBasesAsync(c, state, disk), found => Reserve(c, found, disk), Fail);
        }
    }

    private async Task<IReadOnlyList<BaseLookup>> FindBasesAsync(DiskCommand.PrepareGroup c, DiskState state, Volumes.TrackedDisk disk)
    {
        var found = new List<BaseLookup>();
        foreach (var order in c.Actions.OfType<DiskCommand.StartBackup>().Select(b => BackupDecider.Again(b.Order, state)))
        {
            found.Add(await BaseLookup.FindAsync(
                repositories, order.RepositoryId, BackupDecider.BaseToLookFor(state, order), state, disk).ConfigureAwait(false));
        }

        return found;
    }

    private void Reserve(DiskCommand.PrepareGroup c, IReadOnlyList<BaseLookup> found, Volumes.TrackedDisk disk)
    {
        var now = clock.Now();
        var preparation = GroupPartDecider.Prepare(
            State, id, c, [.. found.Select(f => f.Exists)], () => new JobId(SortableId.Create(now, RandomNumberGenerator.GetBytes(10))), now);
        var (decision, plan) = preparation;
        if (WhyStopping() is { } stopping)
        {
            Finish(Rejected(stopping));
            return;
        }

        if (GroupParts.FirstRefusal(c, found, preparation) is { } refused)
        {
            Finish(refused);
            return;
        }

        if (plan!.Jobs.Select(PinBase).FirstOrDefault(r => r is not null) is { } going)
        {
            plan.Jobs.ToList().ForEach(UnpinBase);
            Finish(Rejected(going));
            return;
        }

        // A bitmap that is made for a job is in F before D names it.
        var made = decision.Events.OfType<DiskEvent.BitmapAdded>().ToList();
        Work(
            () => AddAllAsync(disk, made),
            _ => Record(decision.Events, () =>
            {
                _reservation = new GroupReservation(c.Group, plan, [.. found.Select(f => f.Repository)], [.. made.Select(m => m.Name)]);
                Timers.StartSingleTimer(nameof(ReservationExpired), new ReservationExpired(c.Group), ReservationLimit);
                Arm(_reservation, disk);
            }),
            e =>
            {
                plan.Jobs.ToList().ForEach(UnpinBase);
                Fail(e);
            });
    }

    /// <summary>What may take long comes before anybody's writes are held: the slowest disk would hold up the guests of all.</summary>
    private void Arm(GroupReservation reservation, Volumes.TrackedDisk disk) =>
        Work(
            () => disk.ArmAsync(GroupParts.InstantOf(reservation, runner.ScratchDirectory)),
            armed =>
            {
                if (_reservation != reservation)
                {
                    // It was given up meanwhile.
                    Task.Run(() => armed.DisposeAsync().AsTask());
                    return;
                }

                reservation.Armed = armed;
                Answer(PartOf(reservation.Group));
            },
            e =>
            {
                if (_reservation == reservation)
                {
                    Answer(Rejected(Failures.Explain(e)));
                    Release(null);
                }
            });

    private static async Task<bool> AddAllAsync(Volumes.TrackedDisk disk, List<DiskEvent.BitmapAdded> made)
    {
        foreach (var bitmap in made)
        {
            await disk.AddBitmapAsync(bitmap.SetId, bitmap.GranularityBytes, bitmap.Recording, transient: false).ConfigureAwait(false);
        }

        return true;
    }

    private void Hold(DiskCommand.HoldGroup c)
    {
        if (_reservation is not { Armed: { } armed } reservation || reservation.Group != c.Group)
        {
            Sender.Tell(_instants.ContainsKey(c.Group) ? PartOf(c.Group) : Rejected(GroupParts.Gone(id, c.Group)), Self);
            return;
        }

        if (reservation.IsHolding)
        {
            // The same again: answered when writes are held, or at once if they are.
            if (reservation.Held is not null)
            {
                Sender.Tell(PartOf(c.Group), Self);
            }

            return;
        }

        reservation.IsHolding = true;
        var caller = Sender;
        Work(
            () => armed.HoldAsync(c.Limit),
            held =>
            {
                if (_reservation != reservation)
                {
                    // It was given up meanwhile.
                    Task.Run(() => held.DisposeAsync().AsTask());
                    caller.Tell(Rejected(WhyStopping() ?? GroupParts.Gone(id, c.Group)), Self);
                    return;
                }

                reservation.Held = held;
                caller.Tell(PartOf(c.Group), Self);
            },
            e => caller.Tell(Rejected(WhyStopping() ?? Failures.Explain(e)), Self));
    }

    /// <summary>What was lent has its bits of the instant as soon as writes are held: if the hold ends before the instant, the group does not begin.</summary>
    private object LoansOf(DiskCommand.GetLoans c)
    {
        if (_reservation is not { Held: not null } reservation || reservation.Group != c.Group || Local.Disk is not { } disk
            || GroupParts.SetsLent(reservation.Plan).Any(s => !disk.BitmapSets.Contains(s) || disk.InconsistentReason(s) is not null))
        {
            return Rejected(GroupParts.Gone(id, c.Group));
        }

        var instant = GroupParts.InstantOf(reservation, runner.ScratchDirectory);
        return new DiskReply.Loans([
            .. from lent in reservation.Plan.Lent
               where c.Wanted.Contains(lent.Loan) && reservation.Plan.BorrowedBefore(lent.Steps).All(reservation.Lent.ContainsKey)
               select new LentBitmap(lent.Loan, disk.SizeBytes, disk.ExtentsAt(instant, lent.SetId, lent.Steps))]);
    }

    private object Borrow(DiskCommand.BorrowInGroup c)
    {
        if (_reservation is not { } reservation || reservation.Group != c.Group || Local.Disk is not { } disk)
        {
            return Rejected(GroupParts.Gone(id, c.Group));
        }

        if (c.Lent.Select(l => GroupParts.RefusalOf(l, id, disk.SizeBytes)).FirstOrDefault(r => r is not null) is { } refusal)
        {
            return Rejected(refusal);
        }

        foreach (var lent in c.Lent)
        {
            reservation.Lent[lent.Loan] = lent.Dirty;
        }

        return PartOf(c.Group);
    }

    /// <summary>The instant. It is taken here and now, or never.</summary>
    private void TakeInstant(DiskCommand.StartGroup c)
    {
        if (_storing.Contains(c.Group))
        {
            // The same again: answered when it is durable.
            return;
        }

        if (_reservation is not { } reservation || reservation.Group != c.Group)
        {
            Sender.Tell(_instants.ContainsKey(c.Group) ? PartOf(c.Group) : Rejected(GroupParts.Gone(id, c.Group)), Self);
            return;
        }

        if (reservation.Plan.Borrowed.Any(b => !reservation.Lent.ContainsKey(b)))
        {
            Sender.Tell(Rejected(GroupParts.Gone(id, c.Group)), Self);
            return;
        }

        if (reservation.Held?.TryTake() is not { } snapshots)
        {
            Sender.Tell(
                Rejected(new Refusal(RefusalCode.NotReady, $"disk '{id}' could not hold its guests' writes for so long; start the group again")), Self);
            return;
        }

        _reservation = null;
        _instants[c.Group] = reservation.Held.Held;
        Timers.Cancel(nameof(ReservationExpired));
        var (at, stored) = (clock.Now(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        for (var i = 0; i < snapshots.Count; i++)
        {
            var spec = reservation.Plan.Jobs[i];
            _running[spec.Id] = runner.Start(Context, Self, State.Definition!, spec, Local.Disk!, reservation.Repositories[i], new GroupStart(snapshots[i], at, stored.Task));
        }

        // Guests write on. Whoever hears that it was taken counts on it after a crash, too, so that is said when it is durable.
        _storing.Add(c.Group);
        var (disk, caller) = (Local.Disk!, Sender);
        Work(
            () => StoreInstantAsync(disk, stored),
            _ => EndInstant(c.Group, () => caller.Tell(PartOf(c.Group), Self)),
            e =>
            {
                var refusal = Failures.Explain(e);
                _lostParts[c.Group] = refusal.Message;
                EndInstant(c.Group, () => caller.Tell(Rejected(refusal), Self));
            });
    }

    private static async Task<bool> StoreInstantAsync(Volumes.TrackedDisk disk, TaskCompletionSource stored)
    {
        try
        {
            // Behind the instants of the group's other disks on this node: until they are taken, guests of all of them wait.
            await Task.Yield();
            await disk.StoreInstantAsync().ConfigureAwait(false);
            return true;
        }
        finally
        {
            stored.TrySetResult();
        }
    }

    private void EndInstant(GroupId group, Action answer)
    {
        _storing.Remove(group);
        answer();
        TellGroup(new GroupCommand.Look { Group = group });
        AnswerStopper();
        Finish();
    }

    /// <summary>Gives up what was reserved, before the instant: as if nobody had asked.</summary>
    private void Release(IActorRef? caller)
    {
        var reservation = _reservation!;
        _reservation = null;
        Timers.Cancel(nameof(ReservationExpired));
        Work(
            () => ReleaseAsync(reservation),
            _ => Record([new DiskEvent.GroupDecided(reservation.Group, GroupDecision.Undo), .. UndoneJobs(reservation)], () => RemoveMade(reservation, () =>
            {
                reservation.Plan.Jobs.ToList().ForEach(UnpinBase);
                caller?.Tell(PartOf(reservation.Group), Self);
                AnswerStopper();

                // Nobody asked: its coordinator may never hear of it, and without an instant there is nothing to hear.
                Record(caller is null ? [new DiskEvent.GroupLeft(reservation.Group)] : [], Finish);
            })),
            e =>
            {
                Log.Log(Akka.Event.LogLevel.ErrorLevel, e, "Releasing disk " + id + " from group " + reservation.Group + " failed");
                RecoverLater();
                Finish();
            });
    }

    private static async Task<bool> ReleaseAsync(GroupReservation reservation)
    {
        if (reservation.Armed is { } armed)
        {
            await armed.DisposeAsync().ConfigureAwait(false);
        }

        if (reservation.Held is { } held)
        {
            await held.DisposeAsync().ConfigureAwait(false);
        }

        return true;
    }

    private DiskEvent[] UndoneJobs(GroupReservation reservation)
    {
        var jobs = reservation.Plan.Jobs.Select(j => State.Jobs[j.Id.Value]).ToList();
        var end = new JobEnd(JobOutcome.Cancelled, true, null, false, "its group did not begin", nameof(RefusalCode.WrongState), JobStatistics.Empty, []);
        return
        [
            .. jobs.Select(j => new DiskEvent.JobConcluded(j.Spec.Id, ConclusionDecider.Conclude(j, end), clock.Now())),
            .. jobs.Select(j => new DiskEvent.JobSettled(j.Spec.Id)),
            .. reservation.Made.Select(m => new DiskEvent.BitmapRemoved(m)),
            .. jobs.Count == 0 ? Array.Empty<DiskEvent>() : [new DiskEvent.JobsForgotten([.. jobs.Select(j => j.Spec.Id)])],
        ];
    }

    private void RemoveMade(GroupReservation reservation, Action then)
    {
        if (reservation.Made.Count == 0)
        {
            then();
            return;
        }

        TidySets(then);
    }

    // --- the decision

    private void DecideGroup(DiskCommand.DecideGroup c)
    {
        if (!State.Groups.TryGetValue(c.Group.Value, out var part))
        {
            Finish(PartOf(c.Group));
            return;
        }

        Record(part.Decision is null ? [new DiskEvent.GroupDecided(c.Group, c.Decision)] : [], () => EndPart(c.Group, mayRecover: true, () => Finish(PartOf(c.Group))));
    }

    /// <summary>Carries out what was decided: running jobs hear of it, waiting ones are ended here, and sets that count no more go.</summary>
    private void EndPart(GroupId group, bool mayRecover, Action then)
    {
        var part = State.Groups[group.Value];
        _awaited.Remove(group);
        foreach (var job in part.Jobs.Where(_running.ContainsKey))
        {
            _running[job].Control.DecideInGroup(part.Decision!.Value);
        }

        var waiting = part.Jobs.Select(j => State.Jobs.GetValueOrDefault(j.Value)).FirstOrDefault(j => j is not null && IsToEnd(part, j));
        if (waiting is not null && Local.Disk is { } disk)
        {
            var (state, command) = (State, GroupParts.CommandFor(waiting, id, part.Decision!.Value));
            Work(
                () => PendingJobs.DecideAsync(state, disk, waiting, command, repositories),
                end => Conclude(new BackupEnded(waiting.Spec.Id, end, false), () => EndPart(group, mayRecover, then)),
                e =>
                {
                    if (part.Decision is not GroupDecision.Commit && Failures.Explain(e).Code != RefusalCode.Internal)
                    {
                        EndWithoutRepository(waiting, part.Decision!.Value, () => EndPart(group, mayRecover, then));
                        return;
                    }

                    Log.Log(Akka.Event.LogLevel.WarningLevel, e, "Job " + waiting.Spec.Id + " cannot end with its group yet");
                    RecoverLater();
                    then();
                });
        }
        else if (mayRecover && part.Jobs.Any(j => State.Jobs.GetValueOrDefault(j.Value) is { Conclusion: null } job && HasDied(part, job)))
        {
            // They died with an earlier process, or it suspended them.
            RecoverThen(() => EndLeft(group, then));
        }
        else
        {
            EndSettled(group, then);
        }
    }

    /// <summary>It waits since an earlier process for what is decided now. In an individual group what it waits for is a person.</summary>
    private bool IsToEnd(GroupPart part, JobState job) =>
        job is { Conclusion: null, Pending: not null } && part.Decision is not (null or GroupDecision.Start) && !_running.ContainsKey(job.Spec.Id);

    /// <summary>
    /// What recovery could not end, because a repository does not answer. By force everything ends; an abort ends what was suspended, which has published
    /// nothing since. A job that died after it had heard of the abort may have: it waits for its repository, or for somebody who cancels it by force (rule 12).
    /// </summary>
    private void EndLeft(GroupId group, Action then)
    {
        var part = State.Groups[group.Value];
        var left = part.Jobs.Select(j => State.Jobs.GetValueOrDefault(j.Value)).FirstOrDefault(j =>
            j is { Conclusion: null } && HasDied(part, j) && part.Decision switch
            {
                GroupDecision.Force or GroupDecision.Undo => Local.Disk is not null,
                GroupDecision.Abort => IsSuspended(j),
                _ => false,
            });
        if (left is null)
        {
            EndSettled(group, then);
        }
        else
        {
            EndWithoutRepository(left, part.Decision!.Value, () => EndLeft(group, then));
        }
    }

    /// <summary>Each bitmap follows its job's policy, as far as the tracking file alone says what was copied.</summary>
    private void EndWithoutRepository(JobState job, GroupDecision decision, Action then)
    {
        if (decision != GroupDecision.Abort || job.Pending?.IsForced == true)
        {
            EndByForce(job.Spec.Id, JobOutcome.Cancelled, ForcedAway, then);
        }
        else if (job.Pending is { Error: { } error, IsCancelled: false } failed)
        {
            EndFromPair(job, JobOutcome.Failed, error, failed.ErrorCode, then);
        }
        else
        {
            EndFromPair(job, JobOutcome.Cancelled, CancelledAway, nameof(RefusalCode.WrongState), then);
        }
    }

    private bool HasDied(GroupPart part, JobState job) =>
        !_running.ContainsKey(job.Spec.Id) && (part.Decision != GroupDecision.Start || (job.Pending is null && !IsGoingOn(job.Spec.Id)));

    private void EndSettled(GroupId group, Action then)
    {
        if (!State.Groups.TryGetValue(group.Value, out var part) || part.Jobs.Any(j => State.Jobs.GetValueOrDefault(j.Value) is { IsSettled: false }))
        {
            then();
            return;
        }

        var forgotten = part.Decision == GroupDecision.Undo ? part.Jobs.Where(j => State.Jobs.ContainsKey(j.Value)).ToList() : [];
        DiskEvent[] leftovers = [.. GroupLeftovers.Of(State, part).Select(b => new DiskEvent.BitmapRemoved(b))];
        Record(leftovers, () => TidySets(() => Record(forgotten.Count == 0 ? [] : [new DiskEvent.JobsForgotten(forgotten)], () =>
        {
            TellGroup(new GroupCommand.Look { Group = group });
            then();
        })));
    }

    /// <summary>After a job of a group has ended.</summary>
    private void FollowGroup(JobId job, Action then)
    {
        if (State.Jobs.GetValueOrDefault(job.Value)?.Spec.Group is { } group)
        {
            EndSettled(group, then);
        }
        else
        {
            then();
        }
    }

    /// <summary>Removes sets that nothing names: what an overlay took the place of, and overlays that never counted. What fails is left to the next recovery.</summary>
    private void TidySets(Action then)
    {
        if (Local.Disk is not { } disk)
        {
            then();
            return;
        }

        var named = State.Bitmaps.Values.Select(b => b.SetId)
            .Concat(State.Groups.Values.Where(g => g.Decision is null).SelectMany(g => g.Overlays.Select(o => o.SetId)))
            .ToHashSet();
        var nameless = disk.BitmapSets.Where(s => !named.Contains(s)).ToList();
        Work(
            async () =>
            {
                foreach (var set in nameless)
                {
                    await disk.TryRemoveBitmapAsync(set).ConfigureAwait(false);
                }

                return true;
            },
            _ => then(),
            e =>
            {
                Log.Log(Akka.Event.LogLevel.WarningLevel, e, "Sets of disk " + id + " that nothing names stay for now");
                then();
            });
    }

    private void LeaveGroup(DiskCommand.LeaveGroup c)
    {
        if (State.Groups.TryGetValue(c.Group.Value, out var part) && part.Decision is not null
            && part.Jobs.All(j => State.Jobs.GetValueOrDefault(j.Value) is null or { IsSettled: true }))
        {
            _instants.Remove(c.Group);
            _lostParts.Remove(c.Group);
            Record([new DiskEvent.GroupLeft(c.Group)], () => Finish(new DiskReply.Done()));
        }
        else
        {
            Finish(PartOf(c.Group));
        }
    }

    /// <summary>After a recovery: what was decided goes on, and coordinators of the rest are asked.</summary>
    private void ResumeGroups(Action then)
    {
        foreach (var part in State.Groups.Values)
        {
            TellGroup(new GroupCommand.Look { Group = part.Group });
        }

        var decided = State.Groups.Values.FirstOrDefault(g =>
            g.Jobs.Any(j => State.Jobs.GetValueOrDefault(j.Value) is { } job && IsToEnd(g, job)) && !g.Jobs.Any(_running.ContainsKey));
        if (decided is null)
        {
            then();
        }
        else
        {
            EndPart(decided.Group, mayRecover: false, then);
        }
    }

    /// <summary>A disk leaves an individual group when its jobs have ended, a grouped one when the decision is carried out: a job that still runs was let go.</summary>
    private GroupDecision? GroupDecisionOfLeft(GroupId group) => State.Groups.ContainsKey(group.Value) ? null : GroupDecision.Start;

    private sealed record ReservationExpired(GroupId Group);
}
