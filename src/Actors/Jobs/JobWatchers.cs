using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using Akka.Actor;

namespace ActorBackup.Actors.Jobs;

/// <summary>Who follows which job of one actor. Each of them has one question open at most, and is answered once: by changes, or when its time is up.</summary>
/// <param name="self">The actor.</param>
/// <param name="timers">Its timers.</param>
/// <param name="source">Its jobs.</param>
/// <param name="reply">As the actor replies.</param>
public sealed class JobWatchers(IActorRef self, ITimerScheduler timers, JobSource source, Func<JobChanges, object> reply)
{
    private readonly JobFeeds _feeds = JobFeeds.Create();
    private readonly List<Watcher> _watchers = [];

    /// <summary>The job has changed, or may have.</summary>
    /// <param name="job">Which.</param>
    /// <param name="seen">The status that it came to, which may be another one by now; null = what it is now.</param>
    public void Changed(JobId job, JobStatus? seen = null)
    {
        if (source.View(job) is not { } view)
        {
            return;
        }

        var isPast = seen is { } status && status != view.Status && view.Status != JobStatus.Concluded;
        var noted = !isPast ? view : view with { Status = seen!.Value, Outcome = null, Error = null, ErrorCode = null, IsStopped = false, IsDecided = true };
        if (_feeds.Note(noted))
        {
            foreach (var watcher in _watchers.FindAll(w => w.Job == job))
            {
                _watchers.Remove(watcher);
                watcher.Who.Tell(reply(Since(view, watcher.After)), self);
            }
        }
    }

    /// <summary>Answers now or later.</summary>
    public void Watch(JobView view, JobCursor? after, TimeSpan period, IActorRef who)
    {
        var changes = Since(view, after);
        if (changes.Changes.Count > 0 || view.IsOver || period <= TimeSpan.Zero)
        {
            who.Tell(reply(changes), self);
            return;
        }

        var watcher = new Watcher(view.Id, after, who);
        _watchers.Add(watcher);
        timers.StartSingleTimer(watcher, new Expired(watcher), period);
    }

    public void Expire(Expired expired)
    {
        if (_watchers.Remove(expired.Watcher) && source.View(expired.Watcher.Job) is { } view)
        {
            expired.Watcher.Who.Tell(reply(Since(view, expired.Watcher.After)), self);
        }
    }

    /// <summary>A job that runs tells each status that it comes to; what it is at this moment may be ahead of that.</summary>
    private JobChanges Since(JobView view, JobCursor? after)
    {
        if (!source.IsRunning(view.Id) || !_feeds.Knows(view.Id))
        {
            _feeds.Note(view);
        }

        return _feeds.Since(view, after, source.HadBeenPending(view.Id));
    }

    /// <summary>To the actor from its timer.</summary>
    public sealed record Expired(Watcher Watcher);

    public sealed record Watcher(JobId Job, JobCursor? After, IActorRef Who);
}

/// <summary>An actor's jobs.</summary>
/// <param name="View">Null = there is no such job.</param>
/// <param name="IsRunning">In this process, telling each status that it comes to.</param>
/// <param name="HadBeenPending">It has waited for a decision, as the journal has it.</param>
public sealed record JobSource(Func<JobId, JobView?> View, Func<JobId, bool> IsRunning, Func<JobId, bool> HadBeenPending);
