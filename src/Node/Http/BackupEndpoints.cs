using ActorBackup.Api;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Node.Http;

/// <summary><c>/v1/backups</c>.</summary>
public static class BackupEndpoints
{
    private const int RestartsMax = 100;

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapPost(Routes.Backups, StartAsync).Produces<JobResource>(201).WithTags("backups").WithSummary("Start a backup of a disk");

    public static bool TryParsePolicy(string text, out BitmapSyncPolicy policy)
    {
        policy = BitmapSyncPolicy.Conditional;
        return text == "on-success" || (Enum.TryParse(text, ignoreCase: true, out policy) && Enum.IsDefined(policy) && !char.IsAsciiDigit(text[0]));
    }

    /// <summary>What is wrong with the request whatever the state; null = nothing.</summary>
    public static IResult? Check(BackupRequest request)
    {
        if (Invalid(request) is { } problem)
        {
            return problem;
        }

        if (request.Policy is { } named && !TryParsePolicy(named, out _))
        {
            return Problem.Of(ErrorCodes.InvalidPolicy, $"'{named}' is not a policy; use always, conditional (on-success) or never");
        }

        return request.Bitmap is null && BackupArguments.Refusal(SyncOf(request), false, PolicyOf(request)) is { } refusal
            ? Problem.Of(ErrorCodes.InvalidPolicy, refusal)
            : null;
    }

    /// <summary>The order that a request asks for which <see cref="Check"/> lets pass; or why there is none.</summary>
    public static async Task<(DiskCommand.StartBackup? Order, Refusal? Refusal)> ResolveAsync(BackupRequest request, NodeGateway node)
    {
        var sync = SyncOf(request);
        var disk = new DiskId(request.Disk);

        // No actor has a name that no disk can have, so none would answer.
        if (!ObjectName.IsValid(request.Disk) || await node.AskAsync(new DiskQuery.GetDisk { Disk = disk }) is not DiskReply.Disk)
        {
            return (null, BitmapDecider.UnknownDisk(disk).Refusal);
        }

        // An instant that is only served needs none, so it needs no default one either.
        var (repository, unknown) = sync == SyncMode.None && request.Repo is null ? (null, null) : await node.ResolveRepositoryAsync(request.Repo);
        if (unknown is not null)
        {
            return (null, unknown);
        }

        var order = new BackupOrder
        {
            Repository = repository is null || sync == SyncMode.None ? new RepositoryName("") : repository.Name,
            RepositoryId = repository is null || sync == SyncMode.None ? "" : repository.RepositoryId,
            Sync = sync,
            Bitmap = request.Bitmap,
            Policy = PolicyOf(request),
            WithoutBase = request.Base == "none",
            FallbackToFull = request.Fallback == "full",
            RateBytesPerSecond = request.Rate ?? 0,
            Workers = request.Workers ?? 0,
            OnSourceError = PolicyOf(request.OnSourceError),
            OnTargetError = PolicyOf(request.OnTargetError),
            Restarts = request.Restart ?? 0,
            BreakGuestWrite = request.OnCbwError == "break-guest-write",
            CbwTimeoutSeconds = request.CbwTimeout ?? 0,
            AutoFinalize = !request.NoAutoFinalize,
            AutoDismiss = !request.NoAutoDismiss,
        };
        return (new DiskCommand.StartBackup(order) { Disk = disk }, null);
    }

    private static async Task<IResult> StartAsync(BackupRequest request, NodeGateway node)
    {
        if (Check(request) is { } problem)
        {
            return problem;
        }

        var (order, refusal) = await ResolveAsync(request, node);
        return order is null ? Problem.Of(refusal!) : JobEndpoints.Answer(await node.AskAsync(order), 201);
    }

    private static SyncMode SyncOf(BackupRequest request) => Enum.Parse<SyncMode>(request.Sync ?? "auto", ignoreCase: true);

    private static BitmapSyncPolicy? PolicyOf(BackupRequest request) =>
        request.Policy is { } named && TryParsePolicy(named, out var policy) ? policy : null;

    private static ErrorPolicy PolicyOf(string? text) => text is null ? ErrorPolicy.Report : Enum.Parse<ErrorPolicy>(text, ignoreCase: true);

    private static IResult? Invalid(BackupRequest r)
    {
        static bool Among(string? value, params ReadOnlySpan<string> allowed) => value is null || allowed.Contains(value);

        const string Errors = "report, ignore, stop, enospc or auto";
        return (r.Sync is not null && (!Enum.TryParse<SyncMode>(r.Sync, ignoreCase: true, out var s) || !Enum.IsDefined(s) || char.IsAsciiDigit(r.Sync[0])))
            ? Problem.Of(ErrorCodes.InvalidArgument, $"'{r.Sync}' is not a sync mode; use auto, full, bitmap, incremental or none")
            : !Among(r.Base, "none") ? Problem.Of(ErrorCodes.InvalidArgument, $"--base '{r.Base}': only 'none' can be given; otherwise the bitmap's base is used")
            : !Among(r.Fallback, "none", "full") ? Problem.Of(ErrorCodes.InvalidArgument, $"--fallback '{r.Fallback}' is neither 'none' nor 'full'")
            : r.Rate < 0 ? Problem.Of(ErrorCodes.InvalidArgument, "--rate cannot be negative; 0 is unlimited")
            : r.Workers is < 1 or > 64 ? Problem.Of(ErrorCodes.InvalidArgument, "--workers must be from 1 to 64")
            : r.CbwTimeout < 0 ? Problem.Of(ErrorCodes.InvalidArgument, "--cbw-timeout cannot be negative; 0 is none")
            : !Among(r.OnSourceError, "report", "ignore", "stop", "enospc", "auto") ? Problem.Of(ErrorCodes.InvalidArgument, $"--on-source-error '{r.OnSourceError}' is not {Errors}")
            : !Among(r.OnTargetError, "report", "ignore", "stop", "enospc", "auto") ? Problem.Of(ErrorCodes.InvalidArgument, $"--on-target-error '{r.OnTargetError}' is not {Errors}")
            : !Among(r.OnCbwError, "break-snapshot", "break-guest-write") ? Problem.Of(ErrorCodes.InvalidArgument, $"--on-cbw-error '{r.OnCbwError}' is neither break-snapshot nor break-guest-write")
            : r.Restart is < 0 or > RestartsMax ? Problem.Of(ErrorCodes.InvalidArgument, $"--restart must be from 0 to {RestartsMax}")
            : null;
    }
}
