using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Persistence;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Disks;

/// <content>How jobs end: suspended, concluded, pending until somebody decides.</content>
public sealed partial class DiskActor
{
    private const string CancelledAway = "cancelled while its repository did not answer";
    private const string ForcedAway = "cancelled by force while its repository did not answer";

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
        _stopper is null ? null : new Refusal(RefusalCode.NotReady, $"the node of disk '{id}' is being stopped; try again when it is back") { IsPassing = true };

    /// <summary>Jobs that wait for a person are in D already.</summary>
    private void AnswerStopper()
    {
        if (_running.Keys.All(j => State.Jobs[j.Value].Pending is not null))
        {
            _stopper?.Tell(new DiskReply.Done(), Self);
        }
    }

    /// <summary>The job's end: D first, then F; only then is the bitmap free.</summary>
    private void Conclude(BackupEnded ended, Action then, params DiskEvent[] with)
    {
        var job = State.Jobs[ended.Job.Value];
        var conclusion = ConclusionDecider.Conclude(job, ended.End);
        Record([new DiskEvent.JobConcluded(ended.Job, conclusion, clock.Now()), .. with], () =>
            Work(
                () => DiskRecovery.SettleAsync(Local.Disk, ended.Job, conclusion, keepCheckpoint: ended.IsPointUnpublished),
                _ => Record([new DiskEvent.JobSettled(ended.Job), .. AutoDismissal(ended.Job)], () => Record(Forgotten(), () =>
                {
                    UnpinBase(job.Spec);
                    _running.Remove(ended.Job);
                    AnswerStopper();
                    ScheduleRestarts();
                    TellChange(ended.Job);
                    if (ended.IsPointUnpublished)
                    {
                        RecoverLater();
                    }

                    FollowGroup(ended.Job, then);
                })),
                e =>
                {
                    // F still has the three sets and D knows what they become: settling is tried again, here and at the next opening.
                    Log.Log(Akka.Event.LogLevel.ErrorLevel, e, "Settling job " + ended.Job + " of disk " + id + " failed");
                    _running.Remove(ended.Job);
                    AnswerStopper();
                    TellChange(ended.Job);
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

    /// <summary>It waits for a person since an earlier process: no run of it is there to be told. One that shares its group's outcome waits for that.</summary>
    private bool WaitsSinceEarlier(JobId job) => State.Jobs.GetValueOrDefault(job.Value) is { Conclusion: null, Pending: not null, Spec.IsGrouped: false }
        && !_running.ContainsKey(job);

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
                e =>
                {
                    if (Failures.Explain(e).Code != RefusalCode.Internal && command is DiskCommand.CancelJob { Force: true } or DiskCommand.FinalizeJob { Keep: false })
                    {
                        var isCancel = command is DiskCommand.CancelJob;
                        EndByForce(
                            id,
                            isCancel || job.Pending!.Error is null ? JobOutcome.Cancelled : JobOutcome.Failed,
                            isCancel ? ForcedAway : job.Pending!.Error ?? "discarded while its repository did not answer",
                            () => Finish(new DiskReply.Job(ViewOf(id)!)));
                    }
                    else
                    {
                        Fail(e);
                    }
                });
        }
    }

    /// <summary>No run of it is here, and recovery waits for its repository: it goes on when that answers, or died and can be ended only by force before.</summary>
    private bool WaitsForRepository(JobId id, bool isForced) =>
        State.Jobs.GetValueOrDefault(id.Value) is { Conclusion: null, Pending: null } job
        && !_running.ContainsKey(id)
        && (job.Spec.Group is not { } group || MayEndBeforeGroup(job, State.Groups.GetValueOrDefault(group.Value)?.Decision))
        && Local.Disk is not null
        && (isForced || IsSuspended(job));

    /// <summary>Its group's coordinator has nothing more to decide about it. A part that is gone was let go.</summary>
    private bool MayEndBeforeGroup(JobState job, GroupDecision? decision) =>
        job.Spec.IsGrouped
            ? decision is GroupDecision.Abort or GroupDecision.Force
            : decision is not null || !State.Groups.ContainsKey(job.Spec.Group!.Value.Value);

    /// <summary>D and F agree that it goes on at its instant.</summary>
    private bool IsSuspended(JobState job) =>
        Local.Disk is { } disk && disk.Suspended.Any(s => s.Job == job.Spec.Id && s.Generation == job.Suspended?.Generation);

    /// <summary>Its repository may never come back. A job that was suspended has published nothing since, so that its pair alone says what was copied (ADR 3).</summary>
    private void CancelWaiting(DiskCommand.CancelJob c)
    {
        if (c.Force)
        {
            EndByForce(c.Job, JobOutcome.Cancelled, ForcedAway, () => Finish(new DiskReply.Job(ViewOf(c.Job)!)));
        }
        else
        {
            EndFromPair(
                State.Jobs[c.Job.Value], JobOutcome.Cancelled, CancelledAway, nameof(RefusalCode.WrongState), () => Finish(new DiskReply.Job(ViewOf(c.Job)!)));
        }
    }

    /// <summary>
    /// Under <c>always</c> the pair stays and is the point, where it alone says what that lacks. Of a job that waited for its group's decision the point may have
    /// been tried before, from the same pair: it is the same one, and goes where the bitmap does not count from it.
    /// </summary>
    private void EndFromPair(JobState job, JobOutcome outcome, string error, string? errorCode, Action then)
    {
        var (state, disk, id) = (State, Local.Disk!, job.Spec.Id);
        Work(
            async () =>
            {
                await disk.FenceAsync(id).ConfigureAwait(false);
                return PairPoint.IsWholeWithoutRepository(state, disk, job);
            },
            keeps =>
            {
                var statistics = (job.Suspended?.Statistics ?? job.Pending?.Statistics) ?? JobStatistics.Empty;
                var end = new JobEnd(
                    outcome, false, keeps ? new PointId(id.Value) : null, false, error, errorCode, statistics, job.Pending?.BadExtents ?? []);
                DiskEvent[] point = keeps || job.Pending is null ? [] : [new DiskEvent.PointDeleted(new PointId(id.Value), job.Spec.RepositoryId)];
                Conclude(new BackupEnded(id, end, keeps), then, point);
            },
            Fail);
    }

    /// <summary>As if the job had never run. It may have published its point before it died: that goes, by the journal, when the repository is there again.</summary>
    private void EndByForce(JobId id, JobOutcome outcome, string error, Action then)
    {
        var (disk, job) = (Local.Disk!, State.Jobs[id.Value]);
        var end = new JobEnd(
            outcome, true, null, false, error, nameof(RefusalCode.WrongState), (job.Suspended?.Statistics ?? job.Pending?.Statistics) ?? JobStatistics.Empty, []);
        DiskEvent[] point = job.Spec.RepositoryId.Length == 0 ? [] : [new DiskEvent.PointDeleted(new PointId(id.Value), job.Spec.RepositoryId)];
        Work(
            () => Complete(disk.FenceAsync(id)),
            _ => Conclude(new BackupEnded(id, end, false), then, point),
            Fail);
    }

    private DiskEvent[] Forgotten() => JobHistory.TooOld(State) is { Count: > 0 } old ? [new DiskEvent.JobsForgotten(old)] : [];

    private DiskEvent[] AutoDismissal(JobId job) =>
        State.Jobs[job.Value] is { IsDismissed: false, Spec.AutoDismiss: true } ? [new DiskEvent.JobDismissed(job)] : [];
}
