using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>After a start, and whenever something was left for later.</content>
public sealed partial class DiskActor
{
    private void RecoverDisk() => RecoverThen(Finish);

    private void RecoverThen(Action then)
    {
        // A crash between journal and tracking file: the journal decides.
        if (State.Definition is null && disks.Find(id) is not null)
        {
            Work(() => disks.RemoveAsync(id), _ => then(), e => RecoveryFailed(e, then));
            return;
        }

        if (State is { Definition: null, DeletedPoints.Count: > 0 } removed)
        {
            Work(
                () => PointDeletions.CarryOutAsync(removed, repositories, disks.Pins),
                round => Record(DeletedPoints.Forgotten(State, round.Gone, _ => false), () =>
                {
                    if (!round.IsDone)
                    {
                        RecoverLater();
                    }

                    then();
                }),
                e => RecoveryFailed(e, then));
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
            () => DiskRecovery.PlanAsync(state, disk, repositories, disks.Pins, _running.Keys.ToHashSet(), clock),
            plan => Record(plan.Events, () =>
                Work(
                    () => Complete(plan.CompleteAsync()),
                    _ => Record(plan.Closing(State), () =>
                    {
                        FollowBases();
                        foreach (var problem in plan.Problems)
                        {
                            Log.Log(Akka.Event.LogLevel.WarningLevel, problem, "Recovery of disk " + id + " left something for later");
                        }

                        if (!plan.IsComplete)
                        {
                            RecoverLater();
                        }

                        foreach (var concluded in plan.Events.OfType<DiskEvent.JobConcluded>())
                        {
                            TellChange(concluded.Job);
                        }

                        Resume(plan);
                        ScheduleRestarts();
                        LookAtBasesOnce();
                        FollowExport(() => ResumeGroups(then), e => RecoveryFailed(e, then));
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

    /// <summary>Goes on with the jobs that the last orderly stop suspended.</summary>
    private void Resume(DiskRecovery plan)
    {
        foreach (var (job, repository) in plan.ToResume)
        {
            if (_stopper is null && Local.Disk is { } disk)
            {
                var running = runner.Resume(Context, Self, State.Definition!, State.Jobs[job.Spec.Id.Value], disk, repository);
                _running[job.Spec.Id] = running;
                if (job.Spec.Group is { } group && (State.Groups.GetValueOrDefault(group.Value)?.Decision ?? GroupDecisionOfLeft(group)) is { } decision)
                {
                    running.Control.DecideInGroup(decision);
                }
            }
        }
    }
}
