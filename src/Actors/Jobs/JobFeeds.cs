using System.Security.Cryptography;
using System.Text;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Jobs;

/// <summary>The last changes of each of an actor's jobs, in their order.</summary>
/// <remarks>
/// A change is another status, outcome, error, or restart; figures are none. Whoever comes back with its cursor gets what it has missed, once. Bounds:
/// <see cref="ChangesMax"/> changes of a job are kept, so that a reader who is further behind misses the oldest of them, and <see cref="JobsMax"/> jobs.
/// The feed of another incarnation cannot know what was between; it gives what the journal says: that a job had waited in pending, and what it is now.
/// </remarks>
/// <param name="run">Unique among all incarnations of all actors; without dots.</param>
public sealed class JobFeeds(string run)
{
    public const int ChangesMax = 64;
    public const int JobsMax = 200;

    private readonly Dictionary<JobId, LinkedList<JobChange>> _changes = [];
    private readonly Queue<JobId> _order = new();
    private long _sequence;

    public static JobFeeds Create() => new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)));

    public bool Knows(JobId job) => _changes.ContainsKey(job);

    /// <summary>The job is like this now. False = that is no change.</summary>
    public bool Note(JobView view)
    {
        var digest = DigestOf(view);
        if (!_changes.TryGetValue(view.Id, out var changes))
        {
            MakeRoom();
            _changes[view.Id] = changes = [];
            _order.Enqueue(view.Id);
        }
        else if (changes.Last?.Value.Cursor.Digest == digest)
        {
            return false;
        }

        changes.AddLast(new JobChange(new JobCursor(run, ++_sequence, view.Status, digest), view));
        if (changes.Count > ChangesMax)
        {
            changes.RemoveFirst();
        }

        return true;
    }

    /// <param name="now">The job, which has been noted at least once.</param>
    /// <param name="after">What was seen; null = nothing, and only the present is wanted.</param>
    /// <param name="hadBeenPending">As the journal has it.</param>
    public JobChanges Since(JobView now, JobCursor? after, bool hadBeenPending)
    {
        var known = _changes[now.Id];
        var last = known.Last!.Value;
        IEnumerable<JobChange> missed = after is null ? [last]
            : after.Run != run ? OfAnotherRun(after, last, hadBeenPending)
            : known.Where(c => c.Cursor.Sequence > after.Sequence).SkipWhile(c => c.Cursor.Digest == after.Digest);

        // What is past waits for nobody any more; the newest change goes with the newest figures.
        return new JobChanges(
            [.. missed.Select(c => c != last ? c with { View = Past(c.View) } : DigestOf(now) == c.Cursor.Digest ? c with { View = now } : c)],
            now,
            last.Cursor);
    }

    private static List<JobChange> OfAnotherRun(JobCursor after, JobChange last, bool hadBeenPending)
    {
        if (last.Cursor.Digest == after.Digest)
        {
            return [];
        }

        if (!hadBeenPending || last.View.Status is not (JobStatus.Aborting or JobStatus.Concluded) || after.Status is not (JobStatus.Created or JobStatus.Running or JobStatus.Paused))
        {
            return [last];
        }

        var status = last.View.Group is null ? JobStatus.Pending : JobStatus.Waiting;
        var pending = last.View with { Status = status, Outcome = null, Error = null, ErrorCode = null, EndedAt = null, Point = null };
        return [new JobChange(last.Cursor with { Sequence = last.Cursor.Sequence - 1, Status = status, Digest = DigestOf(pending) }, pending), last];
    }

    private static JobView Past(JobView view) => view with { IsDecided = true, IsStopped = false };

    private static string DigestOf(JobView v)
    {
        var text = $"{v.Status}\n{v.Outcome}\n{v.ErrorCode}\n{v.IsRestartDue}\n{v.RetriedAs}\n{v.Error}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 6));
    }

    private void MakeRoom()
    {
        while (_changes.Count >= JobsMax && _order.TryDequeue(out var oldest))
        {
            _changes.Remove(oldest);
        }
    }
}
