using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using Akka.Actor;

namespace ActorBackup.Actors.Jobs;

/// <summary>Who waits for which job of one actor. A waiter is answered once: when the job needs no more waiting, or when its time is up.</summary>
public sealed class JobWaiters
{
    private readonly Dictionary<JobId, List<IActorRef>> _waiters = [];

    public void Add(JobId job, IActorRef waiter)
    {
        if (!_waiters.TryGetValue(job, out var list))
        {
            _waiters[job] = list = [];
        }

        list.Add(waiter);
    }

    /// <summary>The job changed: answers its waiters if it needs no more waiting.</summary>
    public void Tell(JobId job, Func<JobId, JobView?> view, Func<JobView, object> reply, IActorRef self)
    {
        if (view(job) is not { IsSettled: true } settled || !_waiters.Remove(job, out var list))
        {
            return;
        }

        foreach (var waiter in list)
        {
            waiter.Tell(reply(settled), self);
        }
    }

    /// <summary>The waiter's time is up: it gets the job as it is.</summary>
    public void Expire(JobId job, IActorRef waiter, Func<JobId, JobView?> view, Func<JobView, object> reply, IActorRef self)
    {
        if (_waiters.TryGetValue(job, out var list) && list.Remove(waiter) && view(job) is { } now)
        {
            waiter.Tell(reply(now), self);
        }
    }
}
