using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary>Follows a job by long polling until it ends, needs a person, or the time is up.</summary>
public sealed class JobWatch(NodeClient node, IJobView view, TimeProvider clock)
{
    /// <summary>A job passes through pending on its way to its end; only one that stays there waits for somebody.</summary>
    private static readonly TimeSpan PassingThrough = TimeSpan.FromSeconds(2);

    /// <summary>Keeps a node that answers at once, though nothing is decided, from being asked in a tight loop.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(50);

    private long? _pendingSince;

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
                var job = await AskAsync(id, period, cancellation);
                if (job.Status == "concluded" || NeedsPerson(job))
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
