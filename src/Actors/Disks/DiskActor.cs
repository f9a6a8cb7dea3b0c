using System.Diagnostics;
using System.Security.Cryptography;
using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Jobs;
using ActorBackup.Actors.Persistence;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using Akka.Actor;

namespace ActorBackup.Actors.Disks;

/// <summary>One disk: its definition, its bitmaps' identity, flags and base, its jobs. Only it changes which sets form a bitmap.</summary>
/// <remarks>
/// Order between journal (D) and tracking file (F): what gives bits up (remove, clear, disable, settle) is in D first; what adds bits or recorders
/// (add, enable, merge) is in F first. A crash between the two leaves a bitmap that claims too much, or a set that nobody names; <see cref="DiskRecovery"/> tidies.
/// </remarks>
public sealed class DiskActor(DiskId id, LocalDisks disks, IRepositories repositories, JobRunner runner, TimeProvider clock)
    : EventSourcedActor<DiskEvent, DiskState>($"disk-{id}", DiskState.Empty), IWithTimers
{
    private static readonly TimeSpan RecoveryRetry = TimeSpan.FromSeconds(5);

    private readonly Dictionary<JobId, RunningJob> _running = [];
    private readonly Dictionary<JobId, int> _refusedRestarts = [];
    private readonly JobWaiters _waiters = new();

    /// <summary>Who stops the node and waits until no job runs here; null = it goes on.</summary>
    private IActorRef? _stopper;

    public ITimerScheduler Timers { get; set; } = null!;

    private LocalDisk Local => disks.Find(id) ?? LocalDisk.Missing(id);

    protected override DiskState Apply(DiskState state, DiskEvent e) => DiskTransitions.Apply(state, e);

    protected override object Rejected(Refusal refusal) => new DiskReply.Rejected(refusal);

    protected override bool Notice(object message)
    {
        switch (message)
        {
            case DiskQuery.AwaitJob q:
                Await(q);
                return true;
            case WaitExpired w:
                _waiters.Expire(w.Job, w.Waiter, ViewOf, v => new DiskReply.Job(v), Self);
                return true;
            case DiskCommand.SuspendJobs:
                _stopper = Sender;
                foreach (var running in _running.Values)
                {
                    running.Control.Suspend();
                }

                AnswerStopper();
                return true;
            case DiskQuery q:
                Sender.Tell(DiskAnswers.Answer(State, q, Local, _running, MayRestart), Self);
                return true;
            case DiskCommand.CancelJob c when WaitsSinceEarlier(c.Job):
            case DiskCommand.FinalizeJob f when f.Keep == true || WaitsSinceEarlier(f.Job):
                return false;
            case DiskCommand.CancelJob or DiskCommand.PauseJob or DiskCommand.ResumeJob or DiskCommand.SetJobRate or DiskCommand.FinalizeJob:
                Sender.Tell(Steer((DiskCommand)message), Self);
                return true;
            case JobStateChanged changed:
                _waiters.Tell(changed.Job, ViewOf, v => new DiskReply.Job(v), Self);
                return true;
            default:
                return false;
        }
    }

    protected override void Carry(object command)
    {
        switch (command)
        {
            case Recover or DiskCommand.Wake or RestartJob when _stopper is not null:
                // What is suspended stays so, and nothing begins.
                Finish();
                break;
            case Recover:
                RecoverDisk();
                break;
            case DiskCommand.Wake when Local.Disk?.Fault is not null:
                RecoverDisk();
                break;
            case DiskCommand.Wake:
                Finish();
                break;
            case BackupPending pending:
                Record([new DiskEvent.JobPending(pending.Job, pending.Pending)], () =>
                {
                    AnswerStopper();
                    Finish();
                });
                break;
            case BackupSuspended suspended:
                LetGo(suspended);
                break;
            case BackupEnded ended:
                Conclude(ended, Finish);
                break;
            case DiskCommand.FinalizeJob { Keep: true } c:
                KeepWork(c);
                break;
            case DiskCommand.FinalizeJob c:
                EndPending(c, c.Job);
                break;
            case DiskCommand.CancelJob c:
                EndPending(c, c.Job);
                break;
            case RestartJob restart:
                Restart(restart.Job);
                break;
            case DiskCommand.AddDisk c:
                AddDisk(c);
                break;
            case DiskCommand.RemoveDisk:
                RemoveDisk();
                break;
            case DiskCommand.StopDisk:
                StopDisk();
                break;
            case DiskCommand.StartDisk:
                StartDisk();
                break;
            case DiskCommand.SetDisk c:
                SetDisk(c);
                break;
            case DiskCommand.ResizeDisk c:
                ResizeDisk(c);
                break;
            case DiskCommand.ExportDisk c:
                ChangeExport(ExportDecider.Export(State, c, clock.Now()));
                break;
            case DiskCommand.UnexportDisk:
                ChangeExport(ExportDecider.Unexport(State, id, clock.Now()));
                break;
            case DiskCommand.AddBitmap c:
                AddBitmap(c);
                break;
            case DiskCommand.RemoveBitmap c:
                GiveUpBits(BitmapDecider.Remove(State, c), c.Name, (disk, set) => disk.RemoveBitmapAsync(set));
                break;
            case DiskCommand.ClearBitmap c:
                GiveUpBits(BitmapDecider.Clear(State, c), c.Name, (disk, set) => disk.ClearAsync(set));
                break;
            case DiskCommand.SetBitmapRecording { Recording: false } c:
                GiveUpBits(BitmapDecider.SetRecording(State, c), c.Name, (disk, set) => disk.SetRecordingAsync(set, false));
                break;
            case DiskCommand.SetBitmapRecording c:
                GainBits(BitmapDecider.SetRecording(State, c), disk => disk.SetRecordingAsync(State.Bitmaps[c.Name].SetId, true));
                break;
            case DiskCommand.MergeBitmaps c:
                Merge(c);
                break;
            case DiskCommand.StartBackup c:
                StartBackup(c.Order);
                break;
            case DiskCommand.RetryJob c:
                Retry(c);
                break;
            case DiskCommand.SetJobPolicy c:
                SetPolicy(c);
                break;
            case DiskCommand.DismissJob c:
                Dismiss(c);
                break;
            case DiskCommand.LendDisk c:
                Lend(c);
                break;
            case DiskCommand.DeletePoint c:
                DeletePoint(c);
                break;
            default:
                throw new UnreachableException($"No handling for {command.GetType().Name}.");
        }
    }

    protected override void ResumeEffects()
    {
        Self.Tell(new Recover(), ActorRefs.NoSender);
    }

    // --- the disk itself

    private void AddDisk(DiskCommand.AddDisk c)
    {
        if (State.Definition is not null)
        {
            Refuse(RefusalCode.Duplicate, $"there is already a disk '{id}'; choose another id or remove it first");
            return;
        }

        if (disks.ExportOf(id) is not null)
        {
            Refuse(RefusalCode.Duplicate, $"there is already an export '{id}' of a point; choose another id, or unexport it first");
            return;
        }

        Work(
            () => disks.CreateAsync(c),
            definition => Record([new DiskEvent.DiskAdded(definition, clock.Now())], () =>
            {
                // Only now may guests see it: a disk that the journal does not know would be forgotten at the next start.
                Work(() => disks.ServeAsync(id), _ => FinishWithDisk(), Fail);
            }),
            Fail);
    }

    private void RemoveDisk()
    {
        if (State.Definition is null)
        {
            Finish(Rejected(BitmapDecider.UnknownDisk(id).Refusal!));
            return;
        }

        if (InUse("removed") is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        Record([new DiskEvent.DiskRemoved(clock.Now())], () =>
            Work(() => disks.RemoveAsync(id), _ => Finish(new DiskReply.Done()), Fail));
    }

    private void StopDisk()
    {
        if (State.Definition is null)
        {
            Finish(Rejected(BitmapDecider.UnknownDisk(id).Refusal!));
        }
        else if (State.IsStopped)
        {
            FinishWithDisk();
        }
        else if (InUse("stopped") is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else
        {
            Record([new DiskEvent.DiskStopped(clock.Now())], () =>
                Work(() => disks.StopAsync(id), _ => FinishWithDisk(), Fail));
        }
    }

    private void StartDisk()
    {
        if (State.Definition is null)
        {
            Finish(Rejected(BitmapDecider.UnknownDisk(id).Refusal!));
            return;
        }

        Work(
            () => disks.StartAsync(id),
            _ => Record(State.IsStopped ? [new DiskEvent.DiskStarted(clock.Now())] : [], () => RecoverThen(FinishWithDisk)),
            Fail);
    }

    private void SetDisk(DiskCommand.SetDisk c)
    {
        if (State.Definition is null)
        {
            Finish(Rejected(BitmapDecider.UnknownDisk(id).Refusal!));
        }
        else if (Local.Disk is not null)
        {
            Refuse(RefusalCode.WrongState, $"disk '{id}' is online; stop it first ('abk disk stop {id}'), then move its file");
        }
        else if (State.IsStopped)
        {
            Work(() => disks.SetAsync(c), definition => Record(Moved(definition), FinishWithDisk), Fail);
        }
        else
        {
            // It is not open because its file is gone: it was not stopped, so it comes back.
            Work(() => disks.SetAsync(c), definition => Record(Moved(definition), StartDisk), Fail);
        }
    }

    private DiskEvent[] Moved(DiskDefinition now) =>
        State.Definition is { } known && (known.Backing != now.Backing || known.TrackingPath != now.TrackingPath)
            ? [new DiskEvent.DiskMoved(now.Backing, now.TrackingPath, clock.Now())]
            : [];

    private void ResizeDisk(DiskCommand.ResizeDisk c)
    {
        if (BitmapDecider.Online(State, id)?.Refusal is { } offline)
        {
            Finish(Rejected(offline));
        }
        else if (c.SizeBytes <= 0 || c.SizeBytes % Core.Blocks.Granularity.SectorBytes != 0)
        {
            Refuse(RefusalCode.InvalidSize, $"a disk is a positive multiple of {Core.Blocks.Granularity.SectorBytes} bytes, and {c.SizeBytes} is not");
        }
        else if ((InUse("resized") ?? ExportDecider.RefuseResize(State, id)) is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else if (RequireOnline(out var disk))
        {
            if (disk.SizeBytes == c.SizeBytes && State.IntendedSizeBytes is null)
            {
                FinishWithDisk();
                return;
            }

            Record([new DiskEvent.DiskResizeIntended(c.SizeBytes, clock.Now())], () => CompleteResize(FinishWithDisk, Fail));
        }
    }

    /// <summary>D has the intention: F, the backing, then D again with the size that came of it.</summary>
    private void CompleteResize(Action then, Action<Exception> failed) =>
        Work(
            () => disks.ResizeAsync(id, State.IntendedSizeBytes!.Value),
            _ => EndResize(() => RecoverThen(then)),
            e => EndResize(() => RecoverThen(() => failed(e))));

    /// <summary>A disk that is not open now may be half-way: its next start goes on.</summary>
    private void EndResize(Action then)
    {
        if (Local.Disk is { } disk)
        {
            Record([new DiskEvent.DiskResized(disk.SizeBytes, clock.Now())], then);
        }
        else
        {
            then();
        }
    }

    private Refusal? InUse(string done)
    {
        if (_running.Count > 0 || State.UnfinishedJobs.Any())
        {
            return new Refusal(RefusalCode.Busy, $"disk '{id}' cannot be {done} while a job runs; cancel it or wait for it ('abk job list --disk {id}')");
        }

        if (disks.Loans.Of(id) is { } loan)
        {
            return LentTo(loan, done);
        }

        return disks.ExportOf(id) is { Clients: > 0 } export
            ? new Refusal(RefusalCode.InUse, $"disk '{id}' cannot be {done} while {export.Clients} client(s) are connected; disconnect them first")
            : null;
    }

    /// <summary>In memory first, where connected clients may be in the way; then D; then what a start reads. After a crash between them D decides.</summary>
    private void ChangeExport(Decision<DiskEvent> decision)
    {
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else if (disks.Loans.Of(id) is DiskLoan.ForRestore restore)
        {
            Finish(Rejected(LentTo(restore, "exported otherwise")));
        }
        else if (RequireOnline(out _))
        {
            var export = DiskExport.Of(decision.Events.Aggregate(State, Apply));
            Work(
                () => disks.TryExportAsync(id, export),
                _ => Record(decision.Events, () => FollowExport(FinishWithDisk, Fail)),
                Fail);
        }
    }

    private void FollowExport(Action then, Action<Exception> failed)
    {
        var export = DiskExport.Of(State);
        Work(
            () => disks.FollowAsync(id, export),
            _ => then(),
            e =>
            {
                RecoverLater();
                failed(e);
            });
    }

    private Refusal LentTo(DiskLoan loan, string done) =>
        new(RefusalCode.Busy, $"disk '{id}' cannot be {done} while job {loan.Job} uses it; cancel it or wait for it ('abk job wait {loan.Job}')");

    private void Lend(DiskCommand.LendDisk c)
    {
        if (BitmapDecider.Online(State, id)?.Refusal is { } offline)
        {
            Finish(Rejected(offline));
        }
        else if (clock.GetUtcNow() > c.Deadline)
        {
            Refuse(RefusalCode.NotReady, $"disk '{id}' was busy for too long; try again");
        }
        else if (RequireOnline(out var disk))
        {
            if (c.ForRestore)
            {
                LendForRestore(c, disk);
            }
            else
            {
                LendForComparison(c, disk);
            }
        }
    }

    private void LendForRestore(DiskCommand.LendDisk c, Volumes.TrackedDisk disk)
    {
        if (Lending.WhyNotForRestore(id, c, disk) is { } impossible)
        {
            Finish(Rejected(impossible));
        }
        else if (InUse("restored into") is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else
        {
            Work(() => disks.Loans.LendForRestoreAsync(id, c.Job, disk), _ => Finish(new DiskReply.Done()), Fail);
        }
    }

    private void LendForComparison(DiskCommand.LendDisk c, Volumes.TrackedDisk disk)
    {
        var bitmaps = Lending.SetsCountingFrom(State, c.Point, c.RepositoryId, disk);
        if (bitmaps.Count == 0)
        {
            Finish(Rejected(Lending.NoBitmap(id, c.Point)));
        }
        else if (disks.Loans.Of(id) is DiskLoan.ForRestore restore)
        {
            Finish(Rejected(LentTo(restore, "compared")));
        }
        else
        {
            Work(() => disks.Loans.LendForComparisonAsync(id, c.Job, disk, bitmaps), _ => Finish(new DiskReply.Done()), Fail);
        }
    }

    // --- bitmaps

    private void AddBitmap(DiskCommand.AddBitmap c)
    {
        var decision = BitmapDecider.Add(State, c);
        var added = decision.Events.OfType<DiskEvent.BitmapAdded>().FirstOrDefault();
        GainBits(decision, disk => disk.AddBitmapAsync(added!.SetId, added.GranularityBytes, added.Recording, !added.Persistent));
    }

    /// <summary>F first, then D: a recorder that D does not know yet only costs a little.</summary>
    private void GainBits(Decision<DiskEvent> decision, Func<Volumes.TrackedDisk, Task> change)
    {
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else if (decision.Events.IsEmpty)
        {
            Finish(new DiskReply.Done());
        }
        else if (RequireOnline(out var disk))
        {
            Work(() => Complete(change(disk)), _ => Record(decision.Events, () => Finish(new DiskReply.Done())), Fail);
        }
    }

    /// <summary>D first, then F: bits that D has given up may stay, never the other way round.</summary>
    private void GiveUpBits(Decision<DiskEvent> decision, string bitmap, Func<Volumes.TrackedDisk, ulong, Task> change)
    {
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else if (decision.Events.IsEmpty)
        {
            Finish(new DiskReply.Done());
        }
        else if (RequireOnline(out var disk))
        {
            var set = State.Bitmaps[bitmap].SetId;
            Record(decision.Events, () => Work(() => Complete(change(disk, set)), _ => Finish(new DiskReply.Done()), Fail));
        }
    }

    private void Merge(DiskCommand.MergeBitmaps c)
    {
        if (!c.Sources.Any(s => s.Disk != id))
        {
            MergeResolved(c, new Dictionary<BitmapAddress, ForeignBitmap>());
            return;
        }

        var self = Self;
        var region = runner.Disks;
        Work(
            () => ForeignBitmap.FetchAsync(region, c.Sources.Where(s => s.Disk != id)),
            foreign => MergeResolved(c, foreign),
            Fail);
    }

    private void MergeResolved(DiskCommand.MergeBitmaps c, IReadOnlyDictionary<BitmapAddress, ForeignBitmap> foreign)
    {
        var size = State.Definition?.SizeBytes ?? 0;
        var decision = BitmapDecider.Merge(State, c, foreign.ToDictionary(f => f.Key, f => f.Value.RefusalFor(size)));
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        var own = c.Sources.Where(s => s.Disk == id).Select(s => State.Bitmaps[s.Name].SetId).ToArray();
        var extents = foreign.Values.SelectMany(f => f.Dirty).ToArray();
        GainBits(decision, async disk =>
        {
            var target = State.Bitmaps[c.Target].SetId;
            await disk.MergeAsync(target, own).ConfigureAwait(false);
            await disk.MarkAsync(target, extents).ConfigureAwait(false);
        });
    }

    // --- jobs

    private void StartBackup(BackupOrder order)
    {
        if ((WhyStopping() ?? BitmapDecider.Online(State, id)?.Refusal) is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        if (!RequireOnline(out var disk))
        {
            return;
        }

        if (disks.Loans.Of(id) is DiskLoan.ForRestore restore)
        {
            Finish(Rejected(LentTo(restore, "backed up")));
            return;
        }

        var state = State;
        var basePoint = BackupDecider.BaseToLookFor(state, order);
        Work(
            () => BaseLookup.FindAsync(repositories, order.RepositoryId, basePoint, state, disk),
            found => Start(order, found, disk),
            Fail);
    }

    private void Start(BackupOrder order, BaseLookup found, Volumes.TrackedDisk disk)
    {
        if ((WhyStopping() ?? found.Refusal) is { } unavailable)
        {
            Finish(Rejected(unavailable));
            return;
        }

        var now = clock.Now();
        var job = new JobId(SortableId.Create(now, RandomNumberGenerator.GetBytes(10)));
        var decision = BackupDecider.Start(State, id, order, found.Exists, job, now);
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        // A bitmap that is made for the job is in F before D names it.
        var added = decision.Events.OfType<DiskEvent.BitmapAdded>().FirstOrDefault();
        Work(
            () => Complete(added is null ? Task.CompletedTask : disk.AddBitmapAsync(added.SetId, added.GranularityBytes, added.Recording, transient: false)),
            _ => Record(decision.Events, () =>
            {
                var spec = State.Jobs[job.Value].Spec;
                var running = runner.Start(Context, Self, State.Definition!, spec, disk, found.Repository!);
                _running[job] = running;

                // Whoever asked may write at once and count on it that the point does not have that.
                Work(() => Complete(running.Begun), _ => Finish(new DiskReply.Job(ViewOf(job)!)), Fail);
            }),
            Fail);
    }

    private void Retry(DiskCommand.RetryJob c)
    {
        if (!State.Jobs.TryGetValue(c.Job.Value, out var job))
        {
            Finish(Rejected(DiskAnswers.UnknownJob(c.Job)));
        }
        else if (job.Conclusion is null)
        {
            Refuse(RefusalCode.WrongState, $"job {c.Job} has not ended; only a job that failed, was cancelled or interrupted can be retried");
        }
        else if (job.Conclusion.Outcome == JobOutcome.Success)
        {
            Refuse(RefusalCode.WrongState, $"job {c.Job} succeeded; start a new backup instead");
        }
        else
        {
            StartBackup(BackupDecider.Retry(job, State));
        }
    }

    private void SetPolicy(DiskCommand.SetJobPolicy c)
    {
        if (!State.Jobs.TryGetValue(c.Job.Value, out var job))
        {
            Finish(Rejected(DiskAnswers.UnknownJob(c.Job)));
        }
        else if (!_running.TryGetValue(c.Job, out var running) || job.Conclusion is not null || running.Control.IsEnding)
        {
            Refuse(RefusalCode.WrongState, $"job {c.Job} is ending or has ended; its policy is fixed");
        }
        else if (BackupArguments.Refusal(job.Spec.Sync, job.Spec.Bitmap is not null, c.Policy) is { } refusal)
        {
            Refuse(RefusalCode.InvalidPolicy, refusal);
        }
        else
        {
            Record([new DiskEvent.JobPolicyChanged(c.Job, c.Policy)], () =>
            {
                running.Control.Policy = c.Policy;
                Finish(new DiskReply.Job(ViewOf(c.Job)!));
            });
        }
    }

    private void Dismiss(DiskCommand.DismissJob c)
    {
        if (!State.Jobs.TryGetValue(c.Job.Value, out var job))
        {
            Finish(Rejected(DiskAnswers.UnknownJob(c.Job)));
        }
        else if (job.Conclusion is null)
        {
            Refuse(RefusalCode.WrongState, $"job {c.Job} has not ended; only a concluded job can be dismissed");
        }
        else
        {
            Record(job.IsDismissed ? [] : [new DiskEvent.JobDismissed(c.Job)], () => Finish(new DiskReply.Job(ViewOf(c.Job)!)));
        }
    }

    private object Steer(DiskCommand command)
    {
        var (job, verb) = command switch
        {
            DiskCommand.CancelJob c => (c.Job, JobVerb.Cancel),
            DiskCommand.PauseJob c => (c.Job, JobVerb.Pause),
            DiskCommand.ResumeJob c => (c.Job, JobVerb.Resume),
            DiskCommand.SetJobRate c => (c.Job, JobVerb.SetRate),
            DiskCommand.FinalizeJob c => (c.Job, JobVerb.Finalize),
            _ => throw new UnreachableException(command.GetType().Name),
        };
        if (!State.Jobs.ContainsKey(job.Value))
        {
            return Rejected(DiskAnswers.UnknownJob(job));
        }

        if (!_running.TryGetValue(job, out var running) || running.Control.Refuse(verb) is not null)
        {
            var status = ViewOf(job)!.Status.ToString().ToLowerInvariant();
            var why = _running.TryGetValue(job, out running) ? running.Control.Refuse(verb)
                : State.Jobs[job.Value].Suspended is not null ? $"job {job} goes on when its repository answers; it cannot be {verb.Done()} before"
                : null;
            return Rejected(new Refusal(RefusalCode.WrongState, why ?? $"job {job} is {status} and cannot be {verb.Done()} now"));
        }

        running.Control.Obey(command);
        return new DiskReply.Job(ViewOf(job)!);
    }

    /// <summary>The run has left the job to the next start. D says so before F can: what F alone says is concluded as after a crash.</summary>
    private void LetGo(BackupSuspended ended)
    {
        if (ended.Why is { } why)
        {
            Log.Log(Akka.Event.LogLevel.WarningLevel, why, "Job " + ended.Job + " of disk " + id + " cannot go on after this stop");
        }

        Record(ended.Suspended is { } suspended ? [new DiskEvent.JobSuspended(ended.Job, suspended)] : [], () =>
        {
            _running.Remove(ended.Job);
            AnswerStopper();
            Finish();
        });
    }

    /// <summary>A job that began now would only be interrupted.</summary>
    private Refusal? WhyStopping() =>
        _stopper is null ? null : new Refusal(RefusalCode.NotReady, $"the node of disk '{id}' is being stopped; try again when it is back");

    /// <summary>Jobs that wait for a person are in D already.</summary>
    private void AnswerStopper()
    {
        if (_running.Keys.All(j => State.Jobs[j.Value].Pending is not null))
        {
            _stopper?.Tell(new DiskReply.Done(), Self);
        }
    }

    /// <summary>Goes on with the jobs that the last orderly stop suspended.</summary>
    private void Resume(DiskRecovery plan)
    {
        foreach (var (job, repository) in plan.ToResume)
        {
            if (_stopper is null && Local.Disk is { } disk)
            {
                _running[job.Spec.Id] = runner.Resume(Context, Self, State.Definition!, State.Jobs[job.Spec.Id.Value], disk, repository);
            }
        }
    }

    /// <summary>The job's end: D first, then F; only then is the bitmap free.</summary>
    private void Conclude(BackupEnded ended, Action then)
    {
        var conclusion = ConclusionDecider.Conclude(State.Jobs[ended.Job.Value], ended.End);
        Record([new DiskEvent.JobConcluded(ended.Job, conclusion, clock.Now())], () =>
            Work(
                () => DiskRecovery.SettleAsync(Local.Disk, ended.Job, conclusion, keepCheckpoint: ended.IsPointUnpublished),
                _ => Record([new DiskEvent.JobSettled(ended.Job), .. AutoDismissal(ended.Job)], () => Record(Forgotten(), () =>
                {
                    _running.Remove(ended.Job);
                    AnswerStopper();
                    ScheduleRestarts();
                    _waiters.Tell(ended.Job, ViewOf, v => new DiskReply.Job(v), Self);
                    if (ended.IsPointUnpublished)
                    {
                        RecoverLater();
                    }

                    then();
                })),
                e =>
                {
                    // F still has the three sets and D knows what they become: settling is tried again, here and at the next opening.
                    Log.Log(Akka.Event.LogLevel.ErrorLevel, e, "Settling job " + ended.Job + " of disk " + id + " failed");
                    _running.Remove(ended.Job);
                    AnswerStopper();
                    _waiters.Tell(ended.Job, ViewOf, v => new DiskReply.Job(v), Self);
                    RecoverLater();
                    then();
                }));
    }

    /// <summary>A job that failed and waits keeps what it copied, whatever its policy was.</summary>
    private void KeepWork(DiskCommand.FinalizeJob c)
    {
        if (!State.Jobs.TryGetValue(c.Job.Value, out var job) || ViewOf(c.Job) is not { NeedsPerson: true, Status: JobStatus.Pending } view)
        {
            Finish(Steer(c));
            return;
        }

        var changes = view.Error is not null && job is { Policy: Core.Bitmaps.BitmapSyncPolicy.Conditional, Spec.Bitmap: not null };
        Record(changes ? [new DiskEvent.JobPolicyChanged(c.Job, Core.Bitmaps.BitmapSyncPolicy.Always)] : [], () =>
        {
            if (!_running.TryGetValue(c.Job, out var running))
            {
                EndPending(c, c.Job);
                return;
            }

            running.Control.Policy = State.Jobs[c.Job.Value].Policy;
            Finish(Steer(c));
        });
    }

    /// <summary>It waits for a person since an earlier process: no run of it is there to be told.</summary>
    private bool WaitsSinceEarlier(JobId job) => State.Jobs.GetValueOrDefault(job.Value) is { Conclusion: null, Pending: not null } && !_running.ContainsKey(job);

    private void EndPending(DiskCommand command, JobId id)
    {
        if (!WaitsSinceEarlier(id))
        {
            Finish(Steer(command));
        }
        else if (RequireOnline(out var disk))
        {
            var (state, job) = (State, State.Jobs[id.Value]);
            Work(
                () => PendingJobs.DecideAsync(state, disk, job, command, repositories),
                end => Conclude(new BackupEnded(id, end, false), () => Finish(new DiskReply.Job(ViewOf(id)!))),
                Fail);
        }
    }

    private DiskEvent[] Forgotten() => JobHistory.TooOld(State) is { Count: > 0 } old ? [new DiskEvent.JobsForgotten(old)] : [];

    // --- jobs that are tried again by themselves

    private bool MayRestart(JobState job) =>
        JobRestarts.IsDue(State, job) && _refusedRestarts.GetValueOrDefault(job.Spec.Id) < job.Spec.Restarts;

    private void ScheduleRestarts()
    {
        foreach (var job in JobRestarts.Due(State).Where(MayRestart))
        {
            var restart = new RestartJob(job.Spec.Id);
            if (!Timers.IsTimerActive(restart))
            {
                Timers.StartSingleTimer(restart, restart, JobRestarts.BackOff(job.Spec.RestartCount + _refusedRestarts.GetValueOrDefault(job.Spec.Id)));
            }
        }
    }

    /// <summary>A start that is refused counts as a try that failed.</summary>
    private void Restart(JobId failed)
    {
        if (!State.Jobs.TryGetValue(failed.Value, out var job) || !MayRestart(job))
        {
            Finish();
            return;
        }

        _refusedRestarts[failed] = _refusedRestarts.GetValueOrDefault(failed) + 1;
        ScheduleRestarts();
        StartBackup(JobRestarts.Order(State, job));
        _waiters.Tell(failed, ViewOf, v => new DiskReply.Job(v), Self);
    }

    private DiskEvent[] AutoDismissal(JobId job) =>
        State.Jobs[job.Value] is { IsDismissed: false, Spec.AutoDismiss: true } ? [new DiskEvent.JobDismissed(job)] : [];

    private void Await(DiskQuery.AwaitJob q)
    {
        if (ViewOf(q.Job) is not { } view || view.IsSettled || q.Timeout <= TimeSpan.Zero)
        {
            Sender.Tell(ViewOf(q.Job) is { } now ? new DiskReply.Job(now) : Rejected(DiskAnswers.UnknownJob(q.Job)), Self);
            return;
        }

        var waiter = Sender;
        _waiters.Add(q.Job, waiter);
        var expired = new WaitExpired(q.Job, waiter);
        Timers.StartSingleTimer(expired, expired, q.Timeout);
    }

    private JobView? ViewOf(JobId job) => DiskAnswers.ViewOf(State, id, job, Local, _running, MayRestart);

    // --- points

    private void DeletePoint(DiskCommand.DeletePoint c)
    {
        if (_running.Values.FirstOrDefault(r => r.Spec.Base == c.Point && r.Spec.RepositoryId == c.RepositoryId) is { } user)
        {
            Refuse(RefusalCode.Pinned, $"point {c.Point} is the base of running job {user.Spec.Id}; wait for it or cancel it");
            return;
        }

        if (State.Jobs.TryGetValue(c.Point.Value, out var maker) && !maker.IsSettled)
        {
            Refuse(RefusalCode.Pinned, $"point {c.Point} is the result of job {maker.Spec.Id}, which is not concluded yet; wait for it");
            return;
        }

        var bitmaps = State.Bitmaps.Values.Where(b => b.Base.Point == c.Point && b.Base.RepositoryId == c.RepositoryId).ToArray();
        if (bitmaps.FirstOrDefault(b => b.BusyWith is not null) is { } busy)
        {
            Refuse(RefusalCode.Pinned, $"point {c.Point} is the base of bitmap '{busy.Name}', which job {busy.BusyWith} uses; wait for it");
            return;
        }

        if (bitmaps.FirstOrDefault(b => b.IsExported) is { } exported)
        {
            Refuse(RefusalCode.Pinned, $"point {c.Point} is the base of bitmap '{exported.Name}', which is exported over NBD; 'abk disk export {id}' without it frees both");
            return;
        }

        var gone = State.DeletedPoints;
        Work(
            () => Rebase.PrepareAsync(repositories, c.RepositoryId, c.Point, id, bitmaps, gone, Local.Disk),
            rebase => Record([.. rebase.Events, new DiskEvent.PointDeleted(c.Point, c.RepositoryId)], () =>
                Work(() => rebase.DeleteAsync(c.Point), _ => Finish(new DiskReply.Done()), Fail)),
            Fail);
    }

    // --- after a start

    private void RecoverDisk() => RecoverThen(Finish);

    private void RecoverThen(Action then)
    {
        // A crash between journal and tracking file: the journal decides.
        if (State.Definition is null && disks.Find(id) is not null)
        {
            Work(() => disks.RemoveAsync(id), _ => then(), e => RecoveryFailed(e, then));
            return;
        }

        if (State.IsStopped && disks.Find(id)?.Disk is not null)
        {
            Work(() => disks.StopAsync(id), _ => then(), e => RecoveryFailed(e, then));
            return;
        }

        if (disks.Find(id)?.Disk is not { } disk)
        {
            then();
            return;
        }

        if (Local.Definition is { } found && Moved(found) is { Length: > 0 } moved)
        {
            Record(moved, () => RecoverThen(then));
            return;
        }

        if (State.IntendedSizeBytes is { } intended)
        {
            // Its opening did what a resize had begun; what was not begun is begun again.
            if (disk.SizeBytes == intended)
            {
                EndResize(() => RecoverThen(then));
            }
            else
            {
                CompleteResize(then, e => RecoveryFailed(e, then));
            }

            return;
        }

        var state = State;
        Work(
            () => DiskRecovery.PlanAsync(state, disk, repositories, _running.Keys.ToHashSet(), clock),
            plan => Record(plan.Events, () =>
                Work(
                    () => Complete(plan.CompleteAsync()),
                    _ => Record(plan.Closing(State), () =>
                    {
                        foreach (var problem in plan.Problems)
                        {
                            Log.Log(Akka.Event.LogLevel.WarningLevel, problem, "Recovery of disk " + id + " left something for later");
                        }

                        if (!plan.IsComplete)
                        {
                            RecoverLater();
                        }

                        Resume(plan);
                        ScheduleRestarts();
                        FollowExport(then, e => RecoveryFailed(e, then));
                    }),
                    e => RecoveryFailed(e, then))),
            e => RecoveryFailed(e, then));
    }

    private void RecoveryFailed(Exception e, Action then)
    {
        Log.Log(Akka.Event.LogLevel.WarningLevel, e, "Recovery of disk " + id + " is not complete; trying again");
        RecoverLater();
        then();
    }

    private void RecoverLater() => Timers.StartSingleTimer(nameof(Recover), new Recover(), RecoveryRetry);

    // --- small things

    private bool RequireOnline(out Volumes.TrackedDisk disk)
    {
        var local = Local;
        disk = local.Disk!;
        if (local.Disk is not null)
        {
            return true;
        }

        Finish(Rejected(local.Refusal ?? new Refusal(RefusalCode.WrongState, $"disk '{id}' is not served by this node")));
        return false;
    }

    private void FinishWithDisk() => Finish(DiskAnswers.DescribeDisk(State, id, Local));

    private void Refuse(RefusalCode code, string message) => Finish(Rejected(new Refusal(code, message)));

    private void Fail(Exception e) => Finish(Rejected(Failures.Explain(e)));

    private static async Task<bool> Complete(Task task)
    {
        await task.ConfigureAwait(false);
        return true;
    }

    private sealed record Recover;

    private sealed record RestartJob(JobId Job);

    private sealed record WaitExpired(JobId Job, IActorRef Waiter);
}
