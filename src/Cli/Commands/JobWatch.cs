using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary>Follows a job by long polling until it ends, needs a person, or the time is up. A node that goes away is waited for: it may be restarting.</summary>
public sealed class JobWatch(NodeClient node, IJobView view, TimeProvider clock)
{
    /// <summary>A job passes through pending on its way to its end; only one that stays there waits for somebody.</summary>
    private static readonly TimeSpan PassingThrough = TimeSpan.FromSeconds(2);

    /// <summary>Keeps a node that answers at once, though nothing is decided, from being asked in a tight loop.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a node that answered before may be away.</summary>
    private static readonly TimeSpan AwayMost = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan AwayBreath = TimeSpan.FromMilliseconds(500);

    private readonly GroupedRestart _grouped = new(node);
    private long? _pendingSince;
    private long? _awaySince;
    private bool _hasAnswered;

    /// <exception cref="CliException">The time is up, or somebody pressed Ctrl-C; the job goes on.</exception>
    public async Task<JobResource> FollowAsync(string id, TimeSpan? timeout, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        try
        {
            while (true)
            {
                var left = timeout - clock.GetElapsedTime(began);
                var period = left < view.Period ? TimeSpan.FromTicks(Math.Max(0, left.Value.Ticks)) : view.Period;
                var asked = clock.GetTimestamp();
                if (await TryAskAsync(id, period, cancellation) is not { } answer)
                {
                    if (timeout is { } most && clock.GetElapsedTime(began) >= most)
                    {
                        throw new CliException(ErrorCodes.TimedOut, $"the node has not answered about job {id} within {most.TotalSeconds:0.#} s; 'abk job wait {id}' waits again");
                    }

                    await Task.Delay(AwayBreath, clock, cancellation);
                    continue;
                }

                var (job, isAhead, next) = answer;
                if (next is not null)
                {
                    id = next;
                    continue;
                }

                if (!isAhead && ((job.Status == "concluded" && !job.RestartDue) || NeedsPerson(job)))
                {
                    view.End(job);
                    return job;
                }

                if (timeout is { } limit && clock.GetElapsedTime(began) >= limit)
                {
                    view.End(job);
                    throw new CliException(
                        ErrorCodes.TimedOut,
                        $"job {id} is still {job.Status} ({JobText.Percent(job)}%) after {limit.TotalSeconds:0.#} s and goes on; 'abk job wait {id}' waits again");
                }

                await view.ShowAsync(job);
                if (clock.GetElapsedTime(asked) < period)
                {
                    await Task.Delay(Breath, clock, cancellation);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new CliException(
                ErrorCodes.Cancelled,
                $"interrupted; job {id} goes on: 'abk job wait {id}' waits again, 'abk job cancel {id}' stops it",
                ExitCodes.Interrupted);
        }
    }

    /// <summary>Null while the node is away. Next = the job that does its work again by itself; it is ahead while that is not known yet.</summary>
    private async Task<(JobResource Job, bool IsAhead, string? Next)?> TryAskAsync(string id, TimeSpan period, CancellationToken cancellation)
    {
        try
        {
            var job = await AskAsync(id, period, cancellation);
            (_hasAnswered, _awaySince) = (true, null);
            if (job is { RestartDue: false, Restarts: > 0, RetriedAs: { } next, Outcome: "failed" or "interrupted" })
            {
                return (job, false, next);
            }

            var (isAhead, groups) = await _grouped.LookAsync(job, period, cancellation);
            return (job, isAhead, groups);
        }
        catch (CliException e) when (_hasAnswered && e.Code is ErrorCodes.Unreachable or ErrorCodes.NotReady)
        {
            _awaySince ??= clock.GetTimestamp();
            if (clock.GetElapsedTime(_awaySince.Value) >= AwayMost)
            {
                throw;
            }

            return null;
        }
    }

    private Task<JobResource> AskAsync(string id, TimeSpan period, CancellationToken cancellation)
    {
        var milliseconds = ((long)period.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        return node.GetAsync(ApiPath.Query(ApiPath.Job(id, "wait"), ("timeoutMs", milliseconds)), ApiJson.Default.JobResource, cancellation);
    }

    private bool NeedsPerson(JobResource job)
    {
        if (job.NeedsPerson is { } said)
        {
            return said;
        }

        _pendingSince = job.Status == "pending" ? _pendingSince ?? clock.GetTimestamp() : null;
        return job is { Status: "paused", Error: not null }
            || (_pendingSince is { } since && clock.GetElapsedTime(since) >= PassingThrough);
    }
}
