using System.Diagnostics;
using System.Security.Cryptography;
using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Persistence;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>Jobs: started, tried again, steered.</content>
public sealed partial class DiskActor
{
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
        var seen = Seen(order, found);
        if (decision.Refusal is { } refusal)
        {
            Record(seen, () => Finish(Rejected(refusal)));
            return;
        }

        var starting = decision.Events.OfType<DiskEvent.JobStarted>().Single().Spec;
        if (PinBase(starting) is { } going)
        {
            Finish(Rejected(going));
            return;
        }

        // A bitmap that is made for the job is in F before D names it.
        var added = decision.Events.OfType<DiskEvent.BitmapAdded>().FirstOrDefault();
        Work(
            () => Complete(added is null ? Task.CompletedTask : disk.AddBitmapAsync(added.SetId, added.GranularityBytes, added.Recording, transient: false)),
            _ => Record([.. seen, .. decision.Events], () =>
            {
                var spec = State.Jobs[job.Value].Spec;
                var running = runner.Start(Context, Self, State.Definition!, spec, disk, found.Repository);
                _running[job] = running;
                TellChange(job, JobStatus.Created);
                if (spec.RetryOf is { } before)
                {
                    TellChange(before);
                }

                // Whoever asked may write at once and count on it that the point does not have that.
                Work(() => Complete(running.Begun), _ => Finish(new DiskReply.Job(ViewOf(job)!)), Fail);
            }),
            e =>
            {
                UnpinBase(starting);
                Fail(e);
            });
    }

    /// <summary>The base that was looked for is gone, or is there again.</summary>
    private IReadOnlyList<DiskEvent> Seen(BackupOrder order, BaseLookup found) =>
        BackupDecider.BaseToLookFor(State, order) is { } point && found.Repository is not null
            ? BaseDecider.Seen(State, new Dictionary<(PointId, string), BaseState> { [(point, order.RepositoryId)] = found.Base })
            : [];

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
        else if (OverlaidPolicy.WhyNot(State, id, job, c.Policy) is { } overlaid)
        {
            Finish(Rejected(overlaid));
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
                : State.Jobs[job.Value].Suspended is not null ? $"job {job} goes on when its repository answers; before that it can only be cancelled"
                : null;
            if (verb == JobVerb.Cancel && WaitsForRepository(job, isForced: true))
            {
                why = $"job {job} died and is concluded when its repository answers; before that only 'abk job cancel {job} --force' ends it, as if it had never run";
            }

            return Rejected(new Refusal(RefusalCode.WrongState, why ?? $"job {job} is {status} and cannot be {verb.Done()} now"));
        }

        running.Control.Obey(command);
        return new DiskReply.Job(ViewOf(job)!);
    }
}
