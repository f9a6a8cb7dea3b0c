using System.Security.Cryptography;
using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Jobs;
using ActorBackup.Actors.Persistence;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Storage;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;
using Akka.Actor;

namespace ActorBackup.Actors.Storage;

/// <summary>One repository on this node: owns its data plane, which local jobs use by reference, and its restore and verify jobs.</summary>
internal sealed class StorageActor(RegisteredRepository repository, string host, RepositoryAccess repositories, TimeProvider clock)
    : EventSourcedActor<StorageEvent, StorageState>($"storage-{host}-{repository.RepositoryId}", StorageState.Empty), IWithTimers
{
    private static readonly TimeSpan LookBreath = TimeSpan.FromSeconds(5);

    private readonly Dictionary<JobId, StorageRun> _running = [];
    private readonly JobWaiters _waiters = new();
    private JobWatchers? _watchers;
    private RegisteredRepository _repository = repository;
    private OpenRepository? _open;
    private JobPlace? _unrecorded;

    /// <summary>Who stops the node and waits until no job runs here; null = it goes on.</summary>
    private IActorRef? _stopper;

    /// <summary>A job is being started, and may have its place already.</summary>
    private bool _isStarting;

    public ITimerScheduler Timers { get; set; } = null!;

    private JobWatchers Watchers => _watchers ??= new JobWatchers(
        Self, Timers, new JobSource(ViewOf, _running.ContainsKey, _ => false), c => new StorageReply.Watched(c));

    protected override StorageState Apply(StorageState state, StorageEvent e) => StorageState.Apply(state, e);

    protected override object Rejected(Refusal refusal) => new StorageReply.Rejected(refusal);

    protected override bool Notice(object message)
    {
        switch (message)
        {
            case StorageSupervisor.Open m when _open is not null && m.Repository.Url == _repository.Url:
                Sender.Tell(_open, Self);
                return true;
            case StorageSupervisor.Wake:
                Sender.Tell(new StorageSupervisor.Done(), Self);
                return true;
            case StorageSupervisor.SuspendJobs:
                _stopper = Sender;
                foreach (var run in _running.Values)
                {
                    run.Suspend();
                }

                AnswerStopper();
                return true;
            case LookAgain:
                Look();
                return true;
            case Looked looked:
                GoOnWith(looked.Repository);
                return true;
            case StorageCommand.GetJobs:
                Sender.Tell(new StorageReply.Jobs([.. State.Jobs.Keys.Select(j => ViewOf(new JobId(j))!)]), Self);
                return true;
            case StorageCommand.GetJob c:
                Sender.Tell(Describe(c.Job), Self);
                return true;
            case StorageCommand.AwaitJob c:
                Await(c);
                return true;
            case StorageCommand.WatchJob c when ViewOf(c.Job) is { } view:
                Watchers.Watch(view, c.After, c.Period, Sender);
                return true;
            case StorageCommand.WatchJob c:
                Sender.Tell(Describe(c.Job), Self);
                return true;
            case JobWatchers.Expired e:
                Watchers.Expire(e);
                return true;
            case JobStateChanged changed:
                Watchers.Changed(changed.Job, changed.Status);
                return true;
            case WaitExpired w:
                _waiters.Expire(w.Job, w.Waiter, ViewOf, v => new StorageReply.Job(v), Self);
                return true;
            case StorageCommand.CancelJob c when _running.ContainsKey(c.Job):
                Sender.Tell(Steer(c.Job, JobVerb.Cancel, run => run.Cancel()), Self);
                return true;
            case StorageCommand.PauseJob c:
                Sender.Tell(Steer(c.Job, JobVerb.Pause, run => run.Control.Pause()), Self);
                return true;
            case StorageCommand.ResumeJob c:
                Sender.Tell(Steer(c.Job, JobVerb.Resume, run => run.Control.Resume()), Self);
                return true;
            case StorageCommand.SetJobRate c:
                Sender.Tell(Steer(c.Job, JobVerb.SetRate, run => run.Control.Rate.Set(c.BytesPerSecond)), Self);
                return true;
            default:
                return false;
        }
    }

    protected override void Carry(object command)
    {
        switch (command)
        {
            case StorageSupervisor.Open m when m.Repository.Url != _repository.Url:
                Move(m.Repository);
                break;
            case StorageSupervisor.Open:
                WithRepository(open => Finish(open), e => Finish(new StorageSupervisor.Unavailable(Failures.Explain(e))));
                break;
            case (StorageCommand.StartJob or StorageCommand.RetryJob) when _stopper is not null:
                Finish(Rejected(Stopping));
                break;
            case StorageCommand.StartJob c:
                WithRepository(open => Start(c, open), Fail);
                break;
            case StorageCommand.RetryJob c:
                WithRepository(open => Retry(c.Job, open), Fail);
                break;
            case GoOn c:
                Resume(c.Job, c.Repository);
                break;
            case StorageCommand.CancelJob c when IsWaiting(c.Job):
                var why = "cancelled" + StorageRun.WhatIsLeft(State.Jobs[c.Job.Value].Job);
                Conclude(c.Job, Ended(c.Job, JobOutcome.Cancelled, new Refusal(RefusalCode.WrongState, why)), () => Finish(Describe(c.Job)));
                break;
            case StorageCommand.CancelJob c:
                Finish(State.Jobs.ContainsKey(c.Job.Value)
                    ? Rejected(new Refusal(RefusalCode.WrongState, $"job {c.Job} has ended"))
                    : Describe(c.Job));
                break;
            case StorageCommand.DismissJob c:
                Dismiss(c.Job);
                break;
            case RunEnded { End.Conclusion: { } conclusion } ended:
                Conclude(ended.Job, conclusion, Finish);
                break;
            case RunEnded ended:
                Record([new StorageEvent.JobSuspended(ended.Job, ended.End.Suspended!)], () =>
                {
                    _running.Remove(ended.Job);
                    AnswerStopper();
                    Finish();
                });
                break;
            default:
                Ignore(command);
                break;
        }
    }

    protected override void ResumeEffects()
    {
        foreach (var job in State.Jobs.Values.Where(j => j is { Conclusion: null, Suspended: null }))
        {
            // It died with its process. A restore's file under its final name is whole or absent.
            var why = "the node stopped while the job ran; start it again" + StorageRun.WhatIsLeft(job.Job);
            var conclusion = new JobConclusion(
                JobOutcome.Interrupted, BitmapRemainder.Nothing, null, null, why, nameof(RefusalCode.Internal), JobStatistics.Empty, []);
            Self.Tell(new RunEnded(job.Job.Id, new StorageRunEnd(conclusion, null)), ActorRefs.NoSender);
        }

        foreach (var waiting in Waiting.Select(j => State.Jobs[j.Value].Job))
        {
            TryPin(waiting.Id, waiting.Point, waiting.Kind, waiting.Bitmap is not null);
        }

        Look();
    }

    protected override void PostStop()
    {
        foreach (var (id, run) in _running)
        {
            run.Cancel();
            Unpin(true, id, State.Jobs[id.Value].Job.Point);
        }

        // The journal did not take the job, so nobody else would give its place back.
        _ = _unrecorded?.DisposeAsync().AsTask();
        base.PostStop();
    }

    /// <summary>It was detached and attached at another place, where other packs may lie than the index knows.</summary>
    private void Move(RegisteredRepository there)
    {
        _repository = there;
        _open = null;
        WithRepository(
            open => Work(
                async () =>
                {
                    await open.ReindexAsync().ConfigureAwait(false);
                    return open;
                },
                Finish,
                e =>
                {
                    _open = null;
                    Finish(new StorageSupervisor.Unavailable(Failures.Explain(e)));
                }),
            e => Finish(new StorageSupervisor.Unavailable(Failures.Explain(e))));
    }

    private void WithRepository(Action<OpenRepository> then, Action<Exception> otherwise)
    {
        if (_open is { } open)
        {
            then(open);
            return;
        }

        Work(
            () => RepositoryFactory.OpenAsync(_repository, repositories.Index, clock),
            opened =>
            {
                _open = opened;
                then(opened);
            },
            otherwise);
    }

    private void Start(StorageCommand.StartJob c, OpenRepository open)
    {
        var now = clock.Now();
        var id = new JobId(SortableId.Create(now, RandomNumberGenerator.GetBytes(10)));
        if (!TryPin(id, c.Point, c.Kind, c.Bitmap is not null))
        {
            Finish(Rejected(new Refusal(RefusalCode.UnknownPoint, $"point {c.Point} is being deleted")));
            return;
        }

        Begin(
            () => PreparedJob.PrepareAsync(c, id, open, repositories.Disks, clock),
            open,
            prepared => new StorageEvent.JobStarted(prepared.Job, now),
            reply =>
            {
                Unpin(reply is StorageReply.Rejected, id, c.Point);
                Finish(reply);
            },
            e =>
            {
                Unpin(true, id, c.Point);
                Fail(e);
            });
    }

    /// <summary>Before it is looked whether the point is there, and until the job is concluded.</summary>
    private bool TryPin(JobId id, PointId point, JobKind kind, bool addsBitmap)
    {
        var use = addsBitmap ? $"compared by job {id} with a disk whose new bitmap is to count from it" : kind == JobKind.Restore ? $"restored by job {id}" : $"verified by job {id}";
        return repositories.Disks.Pins.TryPin(point, _repository.RepositoryId, id.Value, $"point {point} is being {use}; wait for it or cancel it");
    }

    private void Unpin(bool isOver, JobId id, PointId point)
    {
        if (isOver)
        {
            repositories.Disks.Pins.Unpin(point, _repository.RepositoryId, id.Value);
        }
    }

    /// <summary>Its place is taken, then the journal has the job, then it runs.</summary>
    private void Begin(
        Func<Task<PreparedJob>> prepare, OpenRepository open, Func<PreparedJob, StorageEvent> begun, Action<object> finish, Action<Exception> otherwise)
    {
        _isStarting = true;
        Work(
            prepare,
            prepared =>
            {
                _unrecorded = prepared.Place;
                if (_stopper is not null)
                {
                    Work(GiveBackAsync, _ => StopStarting(() => finish(Rejected(Stopping))), e => StopStarting(() => otherwise(e)));
                    return;
                }

                var suspended = State.Jobs.GetValueOrDefault(prepared.Job.Id.Value)?.Suspended;
                Record([begun(prepared)], () =>
                {
                    (_unrecorded, _isStarting) = (null, false);
                    Run(new StorageRun(prepared, suspended, open, repositories.Disks, clock), prepared.Job.Id);
                    finish(Describe(prepared.Job.Id));
                });
            },
            e => StopStarting(() => otherwise(e)));
    }

    private void StopStarting(Action then)
    {
        (_unrecorded, _isStarting) = (null, false);
        AnswerStopper();
        then();
    }

    private async Task<bool> GiveBackAsync()
    {
        if (_unrecorded is { } place)
        {
            await place.DisposeAsync().ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>An orderly stop left it, and it has not gone on yet.</summary>
    private bool IsWaiting(JobId job) => !_running.ContainsKey(job) && State.Jobs.GetValueOrDefault(job.Value) is { Conclusion: null, Suspended: not null };

    private IEnumerable<JobId> Waiting => State.Jobs.Values.Select(j => j.Job.Id).Where(IsWaiting);

    /// <summary>Whether the repository is there for the jobs that wait for it. Other commands are carried out meanwhile, and jobs can be cancelled.</summary>
    private void Look()
    {
        if (_stopper is not null || !Waiting.Any())
        {
            return;
        }

        var (self, open) = (Self, _open);
        Task.Run(() => Patience.WithinAsync(Patience.Usual, _repository.Name.Value, async () =>
        {
            open ??= await RepositoryFactory.OpenAsync(_repository, repositories.Index, clock).ConfigureAwait(false);
            await open.EnsureAvailableAsync().ConfigureAwait(false);
            return open;
        })).ContinueWith(t => self.Tell(new Looked(t.IsCompletedSuccessfully ? t.Result : null), ActorRefs.NoSender), TaskScheduler.Default);
    }

    private void GoOnWith(OpenRepository? open)
    {
        if (open is null)
        {
            LookLater();
            return;
        }

        foreach (var job in Waiting)
        {
            Self.Tell(new GoOn(job, open), ActorRefs.NoSender);
        }
    }

    private void LookLater() => Timers.StartSingleTimer(nameof(LookAgain), new LookAgain(), LookBreath);

    private void Resume(JobId id, OpenRepository open)
    {
        if (_stopper is not null || !IsWaiting(id))
        {
            Finish();
            return;
        }

        _open ??= open;
        var job = State.Jobs[id.Value].Job;
        Begin(
            () => PreparedJob.PrepareAgainAsync(job, open, repositories.Disks, clock),
            open,
            _ => new StorageEvent.JobResumed(id),
            _ => Finish(),
            e => CannotGoOn(id, Failures.Explain(e)));
    }

    /// <summary>What may pass is waited for; a person can cancel the job meanwhile.</summary>
    private void CannotGoOn(JobId id, Refusal why)
    {
        if (why.Code is RefusalCode.NotReady or RefusalCode.Busy or RefusalCode.InUse or RefusalCode.Locked or RefusalCode.IoError or RefusalCode.NotARepository)
        {
            LookLater();
            Finish();
        }
        else
        {
            // The state that is wrong is that of a disk which somebody has taken for something else.
            var left = why.Code == RefusalCode.WrongState ? why : why with { Message = why.Message + StorageRun.WhatIsLeft(State.Jobs[id.Value].Job) };
            Conclude(id, Ended(id, JobOutcome.Failed, left), Finish);
        }
    }

    private JobConclusion Ended(JobId id, JobOutcome outcome, Refusal why) =>
        new(outcome, BitmapRemainder.Nothing, null, null, why.Message, why.Code.ToString(), State.Jobs[id.Value].Suspended?.Statistics ?? JobStatistics.Empty, []);

    private void Conclude(JobId id, JobConclusion conclusion, Action then)
    {
        var point = State.Jobs[id.Value].Job.Point;
        Record([new StorageEvent.JobConcluded(id, conclusion, clock.Now())], () =>
        {
            var old = State.TooOld();
            Record(old.Count == 0 ? [] : [new StorageEvent.JobsForgotten(old)], () =>
            {
                _running.Remove(id);
                Unpin(true, id, point);
                TellChange(id);
                AnswerStopper();
                then();
            });
        });
    }

    private Refusal Stopping => new(RefusalCode.NotReady, $"the node that has repository '{_repository.Name}' open is being stopped; try again when it is back");

    private void AnswerStopper()
    {
        if (_running.Count == 0 && !_isStarting)
        {
            _stopper?.Tell(new StorageSupervisor.Done(), Self);
        }
    }

    private void Retry(JobId id, OpenRepository open)
    {
        if (!State.Jobs.TryGetValue(id.Value, out var job))
        {
            Finish(Describe(id));
        }
        else if (job.Conclusion is null)
        {
            Finish(Rejected(new Refusal(RefusalCode.WrongState, $"job {id} has not ended; only a job that failed, was cancelled or interrupted can be retried")));
        }
        else if (job.Conclusion.Outcome == JobOutcome.Success)
        {
            Finish(Rejected(new Refusal(RefusalCode.WrongState, $"job {id} succeeded; there is nothing to do again")));
        }
        else
        {
            var again = job.Job;
            Start(
                new StorageCommand.StartJob(again.Point, again.Kind, again.Target, again.Force, again.Percent)
                {
                    Bitmap = again.Bitmap,
                    RateBytesPerSecond = again.RateBytesPerSecond,
                    RetryOf = id,
                },
                open);
        }
    }

    /// <summary>At any time, also while a command is being carried out.</summary>
    private object Steer(JobId id, JobVerb verb, Action<StorageRun> obey)
    {
        if (IsWaiting(id))
        {
            return Rejected(new Refusal(RefusalCode.WrongState, $"job {id} goes on when its repository answers; before that it can only be cancelled"));
        }

        if (!_running.TryGetValue(id, out var run))
        {
            return State.Jobs.ContainsKey(id.Value)
                ? Rejected(new Refusal(RefusalCode.WrongState, $"job {id} has ended; it cannot be {verb.Done()} now"))
                : Describe(id);
        }

        if (run.Control.Refuse(verb) is { } why)
        {
            return Rejected(new Refusal(RefusalCode.WrongState, why));
        }

        obey(run);
        return Describe(id);
    }

    private void Run(StorageRun run, JobId id)
    {
        _running[id] = run;
        var self = Self;
        TellChange(id);
        run.Control.Changed += status => self.Tell(new JobStateChanged(id, status), ActorRefs.NoSender);
        Task.Run(run.RunAsync).ContinueWith(
            t =>
            {
                run.Dispose();
                self.Tell(new RunEnded(id, t.Result), ActorRefs.NoSender);
            },
            TaskScheduler.Default);
    }

    private void Dismiss(JobId id)
    {
        if (!State.Jobs.TryGetValue(id.Value, out var job))
        {
            Finish(Describe(id));
        }
        else if (job.Conclusion is null)
        {
            Finish(Rejected(new Refusal(RefusalCode.WrongState, $"job {id} has not ended; only a concluded job can be dismissed")));
        }
        else
        {
            Record(job.IsDismissed ? [] : [new StorageEvent.JobDismissed(id)], () => Finish(Describe(id)));
        }
    }

    private void Await(StorageCommand.AwaitJob c)
    {
        if (ViewOf(c.Job) is not { } view || view.IsSettled || c.Timeout <= TimeSpan.Zero)
        {
            Sender.Tell(Describe(c.Job), Self);
            return;
        }

        var waiter = Sender;
        _waiters.Add(c.Job, waiter);
        var expired = new WaitExpired(c.Job, waiter);
        Timers.StartSingleTimer(expired, expired, c.Timeout);
    }

    private void TellChange(JobId job)
    {
        Watchers.Changed(job);
        _waiters.Tell(job, ViewOf, v => new StorageReply.Job(v), Self);
    }

    private StorageReply Describe(JobId id) =>
        ViewOf(id) is { } view
            ? new StorageReply.Job(view)
            : new StorageReply.Rejected(Disks.DiskAnswers.UnknownJob(id));

    private JobView? ViewOf(JobId id)
    {
        if (!State.Jobs.TryGetValue(id.Value, out var job))
        {
            return null;
        }

        var view = new JobView
        {
            Id = id,
            Kind = job.Job.Kind,
            Disk = job.Job.Disk,
            Repository = _repository.Name,
            Status = JobStatus.Running,
            IsDismissed = job.IsDismissed,
            Bitmap = job.Job.Bitmap?.Name,
            Point = job.Job.Point,
            Target = job.Job.Target,
            StartedAt = job.StartedAt,
            RateBytesPerSecond = job.Job.RateBytesPerSecond,
            RetryOf = job.Job.RetryOf,
        };
        return job.Conclusion is { } c
            ? view with
            {
                Status = JobStatus.Concluded,
                Outcome = c.Outcome,
                Statistics = c.Statistics,
                Error = c.Error,
                ErrorCode = c.ErrorCode,
                BadExtents = c.BadExtents,
                EndedAt = job.EndedAt,
                RetriedAs = c.Outcome == JobOutcome.Success ? null : job.RetriedAs,
            }
            : _running.TryGetValue(id, out var run)
                ? view with
                {
                    Status = run.Control.Status == JobStatus.Paused ? JobStatus.Paused : JobStatus.Running,
                    Statistics = run.Progress.Read(),
                    Phase = run.Progress.Phase,
                    RateBytesPerSecond = run.Control.Rate.BytesPerSecond,
                }
                : job.Suspended is { } suspended ? view with
                {
                    Status = suspended.IsPaused ? JobStatus.Paused : JobStatus.Running,
                    Statistics = suspended.Statistics,
                    Phase = "waiting to go on",
                    RateBytesPerSecond = suspended.RateBytesPerSecond,
                }
                : view;
    }

    private void Fail(Exception e) => Finish(Rejected(Failures.Explain(e)));

    private sealed record RunEnded(JobId Job, StorageRunEnd End);

    private sealed record LookAgain;

    /// <param name="Repository">Null = it does not answer.</param>
    private sealed record Looked(OpenRepository? Repository);

    private sealed record GoOn(JobId Job, OpenRepository Repository);

    private sealed record WaitExpired(JobId Job, IActorRef Waiter);
}
