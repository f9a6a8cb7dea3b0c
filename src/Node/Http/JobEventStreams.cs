using System.Text;
using System.Text.Json;
using ActorBackup.Api;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Node.Http;

/// <summary><c>/v1/jobs/{job}/events</c>: server-sent events until the job is over.</summary>
/// <remarks>
/// An event <c>state</c> is the job after a change; its id, given back as <c>after</c> or <c>Last-Event-ID</c>, resumes behind it, also at another process of
/// the node. An event <c>progress</c> has newer figures and no id. A stream asks the job's actor again only when its reader has taken what there was, so all
/// that a slow reader has of the node is one answer; who takes nothing is cut off by the server, and comes back.
/// </remarks>
public sealed class JobEventStreams(JobFinder finder, NodeGateway node, RepositoryGateway repositories, IHostApplicationLifetime life)
{
    public const int StreamsMax = 100;

    private const int PeriodMsMin = 100;
    private const int PeriodMsMax = 10_000;

    /// <summary>A reader that hears nothing for longer may take the connection for lost.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(10);

    private int _open;

    /// <param name="job">Id.</param>
    /// <param name="after">Id of the last event that was seen; null = begin with the present.</param>
    /// <param name="periodMs">Between figures; null = 1000.</param>
    /// <param name="context">Of the request.</param>
    public async Task<IResult> ServeAsync(string job, string? after, int? periodMs, HttpContext context)
    {
        JobCursor? cursor = null;
        if (after is not null && (cursor = JobCursor.Parse(after)) is null)
        {
            return Problem.Of(ErrorCodes.InvalidArgument, $"'{after}' is not the id of an event of a job");
        }

        var id = new JobId(job);
        if (!SortableId.IsValid(job) || await finder.FindAsync(id) is not { } owner)
        {
            return JobEndpoints.Unknown(job);
        }

        var (repository, refusal) = owner.Repository is { } name ? await node.ResolveRepositoryAsync(name.Value) : (null, null);
        if (refusal is not null)
        {
            return Problem.Of(refusal);
        }

        if (Interlocked.Increment(ref _open) > StreamsMax)
        {
            Interlocked.Decrement(ref _open);
            return Problem.Of(ErrorCodes.Busy, $"{StreamsMax} watchers follow jobs of this node already; 'abk job wait {job}' needs none of their places");
        }

        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, life.ApplicationStopping);
            var period = TimeSpan.FromMilliseconds(Math.Clamp(periodMs ?? 1000, PeriodMsMin, PeriodMsMax));
            return await SendAsync(
                seen => owner.Disk is { } disk
                    ? AskDiskAsync(new DiskQuery.WatchJob(id, seen, period) { Disk = disk })
                    : AskStorageAsync(new StorageCommand.WatchJob(id, seen, period)),
                cursor,
                context.Response,
                stop.Token);
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }

        async Task<object> AskDiskAsync(DiskQuery query) => await node.AskAsync(query);

        async Task<object> AskStorageAsync(StorageCommand command) => await repositories.AskAsync(repository!, command);
    }

    private static async Task<IResult> SendAsync(Func<JobCursor?, Task<object>> ask, JobCursor? cursor, HttpResponse response, CancellationToken stop)
    {
        var (lastFigures, silentSince) = ("", Environment.TickCount64);
        try
        {
            while (true)
            {
                var answer = await ask(cursor).WaitAsync(stop);
                if (ChangesIn(answer) is not { } changes)
                {
                    // Once the stream has begun there is no way to say it but its end; whoever asks again hears it.
                    return response.HasStarted ? Results.Empty : JobEndpoints.Answer(answer);
                }

                if (!response.HasStarted)
                {
                    response.ContentType = "text/event-stream";
                    response.Headers.CacheControl = "no-store";
                }

                var text = new StringBuilder();
                foreach (var change in changes.Changes)
                {
                    lastFigures = Json(change.View);
                    text.Append("id: ").Append(change.Cursor).Append("\nevent: state\ndata: ").Append(lastFigures).Append("\n\n");
                }

                var figures = Json(changes.Now);
                if (figures != lastFigures || TimeSpan.FromMilliseconds(Environment.TickCount64 - silentSince) >= SilenceMax)
                {
                    lastFigures = figures;
                    text.Append("event: progress\ndata: ").Append(figures).Append("\n\n");
                }

                if (text.Length > 0 || !response.HasStarted)
                {
                    silentSince = Environment.TickCount64;
                    await response.WriteAsync(text.ToString(), stop);
                    await response.Body.FlushAsync(stop);
                }

                if (changes.Now.IsOver)
                {
                    return Results.Empty;
                }

                cursor = changes.Cursor;
            }
        }
        catch (Exception e) when (response.HasStarted && e is OperationCanceledException or IOException or TimeoutException or Akka.Actor.AskTimeoutException)
        {
            // The reader went away, or the node is stopping or too slow: the reader comes back with what it has seen.
            return Results.Empty;
        }
    }

    private static JobChanges? ChangesIn(object answer) =>
        answer switch
        {
            DiskReply.Watched w => w.Changes,
            StorageReply.Watched w => w.Changes,
            _ => null,
        };

    private static string Json(JobView view) => JsonSerializer.Serialize(Answers.Of(view), ApiJson.Default.JobResource);
}
