using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>Jobs that are tried again by themselves.</content>
public sealed partial class DiskActor
{
    private bool MayRestart(JobState job) =>
        JobRestarts.IsDue(State, job) && _refusedRestarts.GetValueOrDefault(job.Spec.Id) < job.Spec.Restarts;

    /// <summary>Also while the try is being started: it counts as one that was refused until it is there.</summary>
    private bool IsRestartDue(JobState job) => MayRestart(job) || (_restarting == job.Spec.Id && JobRestarts.IsDue(State, job));

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

        _restarting = failed;
        _refusedRestarts[failed] = _refusedRestarts.GetValueOrDefault(failed) + 1;
        ScheduleRestarts();

        // A command, so that it is carried out when the start is: its turn comes after this one's end.
        Self.Tell(new RestartTried(failed), Akka.Actor.ActorRefs.NoSender);
        StartBackup(JobRestarts.Order(State, job));
    }

    private void EndRestart(JobId failed)
    {
        _restarting = null;
        TellChange(failed);
        Finish();
    }
}
