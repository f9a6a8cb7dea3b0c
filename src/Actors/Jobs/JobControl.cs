using System.Diagnostics;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Jobs;

/// <summary>The levers of a running job: what its actor pulls and what its workers look at. Safe from many threads.</summary>
public sealed class JobControl(TimeProvider clock, BitmapSyncPolicy? policy, long rateBytesPerSecond) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _suspend = new();
    private readonly TaskCompletionSource<JobDecision> _decision = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<GroupDecision> _groupDecision = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private JobStatus _status = JobStatus.Created;
    private BitmapSyncPolicy? _policy = policy;

    /// <summary>Raised with each status that the job comes to, in their order, on any thread.</summary>
    public event Action<JobStatus>? Changed;

    public PauseGate Gate { get; } = new();

    public RateLimit Rate { get; } = new(clock, rateBytesPerSecond);

    public CancellationToken Stopped => _stop.Token;

    /// <summary>The node is being stopped: the job is to finish what it has begun to copy, and to begin nothing.</summary>
    public CancellationToken Suspending => _suspend.Token;

    public bool IsCancelled { get; private set; }

    public bool IsForced { get; private set; }

    /// <summary>The job has told its group how it ended: whatever comes now goes to the group's coordinator (rule 19).</summary>
    public bool HasVoted { get; private set; }

    /// <summary>Nothing is wrong with the job itself: its group does not succeed.</summary>
    public bool IsCancelledByGroup { get; private set; }

    /// <summary>The actor is gone: nothing may be published or concluded any more.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>The point is being published: nothing stops the job any more.</summary>
    public bool IsCommitting { get; private set; }

    /// <summary>Whatever the job waited for in <see cref="JobStatus.Pending"/> was decided: it only has to be carried out.</summary>
    public bool IsDecided => _decision.Task.IsCompleted;

    /// <summary>What the coordinator of the job's group has decided, once it is known. Never for a job without a group.</summary>
    public Task<GroupDecision> GroupDecision => _groupDecision.Task;

    /// <summary>Why the job did not succeed, while it waits for a decision about that.</summary>
    public Refusal? Failure { get; set; }

    /// <summary>The error that paused the job; null = none did, or a person resumed it.</summary>
    public Refusal? StoppedBy { get; private set; }

    /// <summary>From here on policy and outcome are fixed.</summary>
    public bool IsEnding => Status is JobStatus.Waiting or JobStatus.Aborting or JobStatus.Concluded;

    public BitmapSyncPolicy? Policy
    {
        get
        {
            lock (_lock)
            {
                return _policy;
            }
        }

        set
        {
            lock (_lock)
            {
                _policy = value;
            }
        }
    }

    public JobStatus Status
    {
        get
        {
            lock (_lock)
            {
                return StatusNow;
            }
        }
    }

    private JobStatus StatusNow => _status == JobStatus.Running && Gate.IsPaused ? JobStatus.Paused : _status;

    public void MoveTo(JobStatus status) => Change(() => _status = status);

    /// <summary>Why the verb cannot be obeyed now; null when it can.</summary>
    public string? Refuse(JobVerb verb)
    {
        var status = Status;
        return (verb, status) switch
        {
            (JobVerb.Pause, JobStatus.Paused) => "the job is paused already",
            (JobVerb.Resume, not JobStatus.Paused) => "the job is not paused",
            _ when IsCommitting || (HasVoted && GroupDecision.IsCompleted) || (status == JobStatus.Pending && IsDecided) => $"the job is being completed; it cannot be {verb.Done()} now",
            _ when !JobStates.Accepts(status, verb) => $"the job is {status.ToString().ToLowerInvariant()}; it cannot be {verb.Done()} now",
            _ => null,
        };
    }

    public void Obey(DiskCommand command)
    {
        switch (command)
        {
            case DiskCommand.CancelJob c:
                Cancel(c.Force);
                break;
            case DiskCommand.PauseJob:
                Pause();
                break;
            case DiskCommand.ResumeJob:
                Resume();
                break;
            case DiskCommand.SetJobRate c:
                Rate.Set(c.BytesPerSecond);
                break;
            case DiskCommand.FinalizeJob c:
                _decision.TrySetResult(JobDecisions.Of(c.Keep));
                break;
            default:
                throw new UnreachableException(command.GetType().Name);
        }
    }

    public void Pause() => Change(Gate.Pause);

    public void Resume() =>
        Change(() =>
        {
            StoppedBy = null;
            Gate.Resume();
        });

    /// <summary>The last moment at which a job of a group may be cancelled by itself.</summary>
    public void Vote()
    {
        lock (_lock)
        {
            HasVoted = true;
        }
    }

    /// <summary>Stops the job, unless it is committing, or its group decides about it.</summary>
    public void Cancel(bool force)
    {
        lock (_lock)
        {
            if (IsCommitting || HasVoted)
            {
                return;
            }

            IsCancelled = true;
            IsForced |= force;
        }

        _stop.Cancel();
        _decision.TrySetResult(JobDecision.Policy);
    }

    public void Suspend() => _suspend.Cancel();

    public void Abandon()
    {
        lock (_lock)
        {
            IsAbandoned = true;
        }

        _stop.Cancel();
        _decision.TrySetResult(JobDecision.Policy);
        _groupDecision.TrySetResult(Messages.Groups.GroupDecision.Force);
    }

    /// <summary>The first decision counts. A group that ends its jobs cancels those that did not fail by themselves.</summary>
    public void DecideInGroup(GroupDecision decision)
    {
        var isEnd = decision is not (Messages.Groups.GroupDecision.Start or Messages.Groups.GroupDecision.Commit);
        if (isEnd && !_groupDecision.Task.IsCompleted)
        {
            lock (_lock)
            {
                IsCancelledByGroup = Failure is null && !IsCancelled;
                IsCancelled |= IsCancelledByGroup;
                IsForced |= decision != Messages.Groups.GroupDecision.Abort;
            }

            _stop.Cancel();
        }

        _groupDecision.TrySetResult(decision);
    }

    /// <summary>The last moment at which a cancel counts. False = the job was cancelled or abandoned before.</summary>
    public bool TryCommit()
    {
        lock (_lock)
        {
            return IsCommitting = !IsCancelled && !IsAbandoned;
        }
    }

    /// <summary>Pauses the job because of an error, until a person resumes or cancels it.</summary>
    public void StopOn(Refusal error) =>
        Change(() =>
        {
            StoppedBy = error;
            Gate.Pause();
        });

    /// <summary>Waits in <see cref="JobStatus.Pending"/> for finalize or cancel.</summary>
    public async Task<JobDecision> DecideAsync()
    {
        MoveTo(JobStatus.Pending);
        return await _decision.Task.ConfigureAwait(false);
    }

    /// <summary>Whoever listens only passes it on, so it may happen under the lock, which keeps the order.</summary>
    private void Change(Action change)
    {
        lock (_lock)
        {
            change();
            Changed?.Invoke(StatusNow);
        }
    }

    public void Dispose()
    {
        _stop.Dispose();
        _suspend.Dispose();
    }
}
