using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Jobs;
using ActorBackup.Actors.Persistence;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using Akka.Actor;

namespace ActorBackup.Actors.Disks;

/// <summary>One disk: its definition, its bitmaps' identity, flags and base, its jobs. Only it changes which sets form a bitmap.</summary>
/// <remarks>
/// Order between journal (D) and tracking file (F): what gives bits up (remove, clear, disable, settle) is in D first; what adds bits or recorders
/// (add, enable, merge) is in F first. A crash between the two leaves a bitmap that claims too much, or a set that nobody names; <see cref="DiskRecovery"/> tidies.
/// </remarks>
public sealed partial class DiskActor(DiskId id, LocalDisks disks, IRepositories repositories, JobRunner runner, TimeProvider clock)
    : EventSourcedActor<DiskEvent, DiskState>($"disk-{id}", DiskState.Empty), IWithTimers
{
    private static readonly TimeSpan RecoveryRetry = TimeSpan.FromSeconds(5);

    private readonly Dictionary<JobId, RunningJob> _running = [];
    private readonly Dictionary<JobId, int> _refusedRestarts = [];

    /// <summary>The failed job whose work is being started again at this moment.</summary>
    private JobId? _restarting;
    private readonly JobWaiters _waiters = new();
    private JobWatchers? _watchers;

    /// <summary>Who stops the node and waits until no job runs here; null = it goes on.</summary>
    private IActorRef? _stopper;

    public ITimerScheduler Timers { get; set; } = null!;

    private JobWatchers Watchers => _watchers ??= new JobWatchers(
        Self,
        Timers,
        new JobSource(ViewOf, _running.ContainsKey, j => State.Jobs.GetValueOrDefault(j.Value)?.HadBeenPending == true),
        c => new DiskReply.Watched(c));

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
            case DiskQuery.WatchJob q when ViewOf(q.Job) is { } view:
                Watchers.Watch(view, q.After, q.Period, Sender);
                return true;
            case DiskQuery.WatchJob q:
                Sender.Tell(Rejected(DiskAnswers.UnknownJob(q.Job)), Self);
                return true;
            case DiskCommand.CheckBases:
                LookAtBases(Sender);
                return true;
            case JobWatchers.Expired e:
                Watchers.Expire(e);
                return true;
            case WaitExpired w:
                _waiters.Expire(w.Job, w.Waiter, ViewOf, v => new DiskReply.Job(v), Self);
                return true;
            case DiskCommand.SuspendJobs:
                _stopper = Sender;
                if (_reservation is not null)
                {
                    Release(null);
                }

                foreach (var running in _running.Values)
                {
                    running.Control.Suspend();
                }

                AnswerStopper();
                return true;
            case var _ when NoticeGroup(message):
                return true;
            case DiskQuery q:
                Sender.Tell(DiskAnswers.Answer(State, q, Local, _running, IsRestartDue, disks.Loans.Of(id)), Self);
                return true;
            case DiskCommand.CancelJob c when WaitsSinceEarlier(c.Job) || WaitsForRepository(c.Job, c.Force):
            case DiskCommand.FinalizeJob f when f.Keep == true || WaitsSinceEarlier(f.Job):
                return false;
            case DiskCommand.CancelJob or DiskCommand.PauseJob or DiskCommand.ResumeJob or DiskCommand.SetJobRate or DiskCommand.FinalizeJob:
                Sender.Tell(Steer((DiskCommand)message), Self);
                return true;
            case JobStateChanged changed:
                TellChange(changed.Job, changed.Status);
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
                    if (UndecidedGroupOf(pending.Job) is { } group)
                    {
                        TellGroup(new GroupCommand.Look { Group = group });
                    }

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
            case DiskCommand.CancelJob c when WaitsForRepository(c.Job, c.Force):
                CancelWaiting(c);
                break;
            case DiskCommand.CancelJob c:
                EndPending(c, c.Job);
                break;
            case RestartJob restart:
                Restart(restart.Job);
                break;
            case RestartTried tried:
                EndRestart(tried.Job);
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
            case DiskCommand.PrepareGroup c:
                PrepareGroup(c);
                break;
            case DiskCommand.DecideGroup c:
                DecideGroup(c);
                break;
            case DiskCommand.LeaveGroup c:
                LeaveGroup(c);
                break;
            case DiskCommand.EndRestore c:
                EndRestore(c);
                break;
            case DiskCommand.LendDiskForBitmap c:
                LendForBitmap(c);
                break;
            case DiskCommand.AddComparedBitmap c:
                AddCompared(c);
                break;
            case BasesSeen seen:
                Record(BaseDecider.Seen(State, seen.Points), () => Finish(new DiskReply.Done()));
                break;
            case DiskCommand.DeletePoint c:
                DeletePoint(c);
                break;
            default:
                Ignore(command);
                break;
        }
    }

    protected override void ResumeEffects()
    {
        FollowBases();
        Self.Tell(new Recover(), ActorRefs.NoSender);
    }

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

    /// <param name="job">Which.</param>
    /// <param name="status">That it came to; null = what it is now.</param>
    private void TellChange(JobId job, JobStatus? status = null)
    {
        Watchers.Changed(job, status);
        _waiters.Tell(job, ViewOf, v => new DiskReply.Job(v), Self);
    }

    private JobView? ViewOf(JobId job) => DiskAnswers.ViewOf(State, id, job, Local, _running, IsRestartDue);

    private bool RequireOnline(out Volumes.TrackedDisk disk)
    {
        var local = Local;
        disk = local.Disk!;
        if (local.Disk is not null)
        {
            return true;
        }

        Finish(Rejected((local.Refusal ?? new Refusal(RefusalCode.WrongState, $"disk '{id}' is not served by this node")) with { IsPassing = true }));
        return false;
    }

    private void FinishWithDisk() => Finish(DiskAnswers.DescribeDisk(State, id, Local, disks.Loans.Of(id)));

    private void Refuse(RefusalCode code, string message) => Finish(Rejected(new Refusal(code, message)));

    private void Fail(Exception e) => Finish(Rejected(Failures.Explain(e)));

    private static async Task<bool> Complete(Task task)
    {
        await task.ConfigureAwait(false);
        return true;
    }

    private sealed record Recover;

    private sealed record RestartJob(JobId Job);

    private sealed record RestartTried(JobId Job);

    private sealed record WaitExpired(JobId Job, IActorRef Waiter);
}
