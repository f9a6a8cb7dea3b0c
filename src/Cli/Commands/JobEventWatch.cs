using System.Globalization;
using System.Text.Json;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary>Follows a job, and those that do its work again by themselves, by the node's events. A connection that is lost, or a node that is started again, is resumed where it was.</summary>
public sealed class JobEventWatch(NodeClient node, IJobView view, TimeProvider clock)
{
    /// <summary>How long a node that answered before may be away.</summary>
    private static readonly TimeSpan AwayMost = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan AwayBreath = TimeSpan.FromMilliseconds(500);

    /// <summary>The node says something every ten seconds.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(30);

    private readonly GroupedRestart _grouped = new(node);
    private string? _lastEvent;
    private long? _awaySince;
    private bool _hasAnswered;

    /// <returns>The job as it ended, or as it waits for a person.</returns>
    /// <exception cref="CliException">The node stays away, or somebody pressed Ctrl-C; the job goes on.</exception>
    public async Task<JobResource> FollowAsync(string id, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                if (await TryFollowAsync(id, cancellation) is { } job)
                {
                    if (await FindNextAsync(job, cancellation) is { } next)
                    {
                        await view.ShowAsync(job);
                        (id, _lastEvent) = (next, null);
                        continue;
                    }

                    view.End(job);
                    return job;
                }

                await Task.Delay(AwayBreath, clock, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new CliException(
                ErrorCodes.Cancelled,
                $"interrupted; job {id} goes on: 'abk job watch {id}' follows it again, 'abk job cancel {id}' stops it",
                ExitCodes.Interrupted);
        }
    }

    /// <summary>The job that does its work again by itself; waits for it as long as its group may be started again. Null = none.</summary>
    private async Task<string?> FindNextAsync(JobResource job, CancellationToken cancellation)
    {
        while (job is not { Restarts: > 0, RetriedAs: not null, Outcome: "failed" or "interrupted" })
        {
            try
            {
                var (isAhead, next) = await _grouped.LookAsync(job, view.Period, cancellation);
                _awaySince = null;
                if (!isAhead)
                {
                    return next;
                }
            }
            catch (CliException e) when (e.Code is ErrorCodes.Unreachable or ErrorCodes.NotReady)
            {
                _awaySince ??= clock.GetTimestamp();
                if (clock.GetElapsedTime(_awaySince.Value) >= AwayMost)
                {
                    throw;
                }

                await Task.Delay(AwayBreath, clock, cancellation);
            }
        }

        return job.RetriedAs;
    }

    /// <summary>Null when the connection was lost before the end.</summary>
    private async Task<JobResource?> TryFollowAsync(string id, CancellationToken cancellation)
    {
        try
        {
            var path = ApiPath.Query(
                ApiPath.Job(id, "events"),
                ("after", _lastEvent),
                ("periodMs", ((long)view.Period.TotalMilliseconds).ToString(CultureInfo.InvariantCulture)));
            await foreach (var item in node.EventsAsync(path, SilenceMax, cancellation))
            {
                (_hasAnswered, _awaySince) = (true, null);
                _lastEvent = item.EventId ?? _lastEvent;
                var job = Read(item.Data);
                if ((job.Status == "concluded" && !job.RestartDue) || job.NeedsPerson == true)
                {
                    return job;
                }

                await view.ShowAsync(job);
            }
        }
        catch (CliException e) when (_hasAnswered && e.Code is ErrorCodes.Unreachable or ErrorCodes.NotReady)
        {
            if (_awaySince is { } since && clock.GetElapsedTime(since) >= AwayMost)
            {
                throw;
            }
        }

        _awaySince ??= clock.GetTimestamp();
        return null;
    }

    private static JobResource Read(string data)
    {
        try
        {
            return JsonSerializer.Deserialize(data, ApiJson.Default.JobResource) ?? throw new JsonException("nothing");
        }
        catch (JsonException e)
        {
            throw new CliException(ErrorCodes.Internal, $"the node sent an event that this abk cannot read ({e.Message}); is it a node of the same version?");
        }
    }
}
