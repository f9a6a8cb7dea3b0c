using ActorBackup.Api;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Node.Http;

/// <summary><c>/v1/jobs</c>.</summary>
public static class JobEndpoints
{
    internal const string NegativeRate = "a rate cannot be negative; 0 is unlimited";

    private const int WaitMsMax = 60_000;

    public static void Map(IEndpointRouteBuilder app)
    {
        var jobs = app.MapGroup(Routes.Jobs).WithTags("jobs");
        jobs.MapGet("", ListAsync).Produces<JobResource[]>().WithSummary("Jobs, oldest first; with limit the newest so many, with before those older than that job");
        jobs.MapGet("/{job}", (string job, JobFinder finder, NodeGateway node, RepositoryGateway repositories) =>
            AskAsync(job, finder, node, repositories,
                (id, disk) => new DiskQuery.GetJob(id) { Disk = disk }, id => new StorageCommand.GetJob(id))).Produces<JobResource>();
        jobs.MapGet("/{job}/wait", (string job, int? timeoutMs, JobFinder finder, NodeGateway node, RepositoryGateway repositories) =>
        {
            var timeout = TimeSpan.FromMilliseconds(Math.Clamp(timeoutMs ?? 1000, 0, WaitMsMax));
            return AskAsync(job, finder, node, repositories,
                (id, disk) => new DiskQuery.AwaitJob(id, timeout) { Disk = disk }, id => new StorageCommand.AwaitJob(id, timeout));
        }).Produces<JobResource>().WithSummary("The job, when it needs no more waiting or the time is up");
        jobs.MapGet("/{job}/events", (string job, string? after, int? periodMs, HttpContext context, JobEventStreams streams) =>
            streams.ServeAsync(job, after ?? context.Request.Headers["Last-Event-ID"].FirstOrDefault(), periodMs, context)).Produces<string>(200, "text/event-stream")
            .WithSummary("The job's changes as server-sent events, from the one after the last that was seen; between them its figures");
        jobs.MapPost("/{job}/cancel", (string job, CancelJobRequest? body, JobFinder finder, NodeGateway node, RepositoryGateway repositories) =>
            AskAsync(job, finder, node, repositories,
                (id, disk) => new DiskCommand.CancelJob(id, body?.Force ?? false) { Disk = disk }, id => new StorageCommand.CancelJob(id))).Produces<JobResource>();
        jobs.MapPost("/{job}/dismiss", (string job, JobFinder finder, NodeGateway node, RepositoryGateway repositories) =>
            AskAsync(job, finder, node, repositories,
                (id, disk) => new DiskCommand.DismissJob(id) { Disk = disk }, id => new StorageCommand.DismissJob(id))).Produces<JobResource>();
        MapVerb(jobs, "pause", (id, disk) => new DiskCommand.PauseJob(id) { Disk = disk }, id => new StorageCommand.PauseJob(id));
        MapVerb(jobs, "resume", (id, disk) => new DiskCommand.ResumeJob(id) { Disk = disk }, id => new StorageCommand.ResumeJob(id));
        MapVerb(jobs, "retry", (id, disk) => new DiskCommand.RetryJob(id) { Disk = disk }, id => new StorageCommand.RetryJob(id));
        jobs.MapPost("/{job}/finalize", FinalizeAsync).Produces<JobResource>();
        jobs.MapPost("/{job}/rate", SetRateAsync).Produces<JobResource>();
        jobs.MapPost("/{job}/policy", SetPolicyAsync).Produces<JobResource>();
    }

    public static IResult Answer(object reply, int status = 200) =>
        reply switch
        {
            DiskReply.Job j => Results.Json(Answers.Of(j.View), ApiJson.Default.JobResource, statusCode: status),
            StorageReply.Job j => Results.Json(Answers.Of(j.View), ApiJson.Default.JobResource, statusCode: status),
            _ => DiskEndpoints.Refused(reply),
        };

    internal static IResult Unknown(string job) => Problem.Of(ErrorCodes.UnknownJob, $"there is no job '{job}'; 'abk job list' shows the jobs");

    private static void MapVerb(RouteGroupBuilder jobs, string verb, Func<JobId, DiskId, DiskCommand> command, Func<JobId, StorageCommand> storageCommand) =>
        jobs.MapPost($"/{{job}}/{verb}", (string job, JobFinder finder, NodeGateway node, RepositoryGateway repositories) =>
            AskAsync(job, finder, node, repositories, command, storageCommand)).Produces<JobResource>();

    private static Task<IResult> FinalizeAsync(string job, FinalizeJobRequest? body, JobFinder finder, NodeGateway node, RepositoryGateway repositories)
    {
        bool? keep = body?.Decision switch
        {
            "keep" => true,
            "discard" => false,
            _ => null,
        };
        return body?.Decision is not null && keep is null
            ? Task.FromResult(Problem.Of(ErrorCodes.InvalidArgument, $"'{body.Decision}' is neither keep nor discard"))
            : AskAsync(job, finder, node, repositories, (id, disk) => new DiskCommand.FinalizeJob(id, keep) { Disk = disk }, null);
    }

    private static Task<IResult> SetRateAsync(string job, SetRateRequest body, JobFinder finder, NodeGateway node, RepositoryGateway repositories) =>
        body.BytesPerSecond < 0
            ? Task.FromResult(Problem.Of(ErrorCodes.InvalidArgument, NegativeRate))
            : AskAsync(job, finder, node, repositories,
                (id, disk) => new DiskCommand.SetJobRate(id, body.BytesPerSecond) { Disk = disk }, id => new StorageCommand.SetJobRate(id, body.BytesPerSecond));

    private static Task<IResult> SetPolicyAsync(string job, SetPolicyRequest body, JobFinder finder, NodeGateway node, RepositoryGateway repositories) =>
        BackupEndpoints.TryParsePolicy(body.Policy, out var policy)
            ? AskAsync(job, finder, node, repositories, (id, disk) => new DiskCommand.SetJobPolicy(id, policy) { Disk = disk }, null)
            : Task.FromResult(Problem.Of(ErrorCodes.InvalidPolicy, $"'{body.Policy}' is not a policy; use always, conditional (on-success) or never"));

    private static async Task<IResult> AskAsync(
        string job,
        JobFinder finder,
        NodeGateway node,
        RepositoryGateway repositories,
        Func<JobId, DiskId, object> diskMessage,
        Func<JobId, StorageCommand>? storageMessage)
    {
        var id = new JobId(job);
        if (!SortableId.IsValid(job) || await finder.FindAsync(id) is not { } owner)
        {
            return Unknown(job);
        }

        if (owner.Disk is { } disk)
        {
            return Answer(diskMessage(id, disk) switch
            {
                DiskCommand c => await node.AskAsync(c),
                DiskQuery q => await node.AskAsync(q),
                var other => throw new InvalidOperationException(other.GetType().Name),
            });
        }

        if (storageMessage is null)
        {
            return Problem.Of(ErrorCodes.WrongState, $"job {job} is not a backup; only backups have this verb");
        }

        var (repository, refusal) = await node.ResolveRepositoryAsync(owner.Repository!.Value.Value);
        return repository is null ? Problem.Of(refusal!) : Answer(await repositories.AskAsync(repository, storageMessage(id)));
    }

    private static async Task<IResult> ListAsync(string? disk, int? limit, string? before, NodeGateway node, RepositoryGateway repositories)
    {
        if (limit < 1)
        {
            return Problem.Of(ErrorCodes.InvalidArgument, "--limit must be at least 1");
        }

        if (before is not null && !SortableId.IsValid(before))
        {
            return Problem.Of(ErrorCodes.InvalidArgument, $"'{before}' is not the id of a job");
        }

        if (disk is not null && await node.AskAsync(new DiskQuery.GetDisk { Disk = new DiskId(disk) }) is DiskReply.Rejected unknown)
        {
            return Problem.Of(unknown.Refusal);
        }

        var disks = disk is null ? (await node.DisksAsync()).Select(d => d.Id) : [new DiskId(disk)];
        var fromDisks = await Task.WhenAll(disks.Select(d => node.AskAsync(new DiskQuery.GetJobs { Disk = d })));
        var fromStorage = await Task.WhenAll((await node.RepositoriesAsync()).Select(r => repositories.AskAsync(r, new StorageCommand.GetJobs())));
        var views = fromDisks.OfType<DiskReply.Jobs>().SelectMany(j => j.Views)
            .Concat(fromStorage.OfType<StorageReply.Jobs>().SelectMany(j => j.Views).Where(v => disk is null || v.Disk?.Value == disk))
            .Where(v => before is null || string.CompareOrdinal(v.Id.Value, before) < 0)
            .OrderBy(v => v.Id.Value, StringComparer.Ordinal)
            .TakeLast(limit ?? int.MaxValue);
        return Results.Json([.. views.Select(Answers.Of)], ApiJson.Default.JobResourceArray);
    }
}
