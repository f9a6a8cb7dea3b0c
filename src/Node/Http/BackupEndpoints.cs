using ActorBackup.Api;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
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

    /// <summary>The order that the request asks for; or why there is none.</summary>
    public static async Task<(DiskCommand.StartBackup? Order, IResult? Problem)> ReadAsync(BackupRequest request, NodeGateway node)
    {
        if (Invalid(request) is { } problem)
        {
            return (null, problem);
        }

        var sync = Enum.Parse<SyncMode>(request.Sync ?? "auto", ignoreCase: true);
        BitmapSyncPolicy? policy = null;
        if (request.Policy is { } named)
        {
            if (!TryParsePolicy(named, out var parsed))
            {
                return (null, Problem.Of(ErrorCodes.InvalidPolicy, $"'{named}' is not a policy; use always, conditional (on-success) or never"));
            }

            policy = parsed;
        }

        if (BackupArguments.Refusal(sync, request.Bitmap is not null, policy) is { } refusal && request.Bitmap is null)
        {
            return (null, Problem.Of(ErrorCodes.InvalidPolicy, refusal));
        }

        var disk = new DiskId(request.Disk);
        if (!ObjectName.IsValid(request.Disk))
        {
            // No actor has such a name, so none would answer.
            return (null, Problem.Of(BitmapDecider.UnknownDisk(disk).Refusal!));
        }

        var there = await node.AskAsync(new DiskQuery.GetDisk { Disk = disk });
        if (there is not DiskReply.Disk)
        {
            return (null, DiskEndpoints.Refused(there));
        }

        // An instant that is only served needs none, so it needs no default one either.
        var (repository, unknown) = sync == SyncMode.None && request.Repo is null ? (null, null) : await node.ResolveRepositoryAsync(request.Repo);
        if (unknown is not null)
        {
            return (null, Problem.Of(unknown));
        }

        var order = new BackupOrder
        {
            Repository = repository is null || sync == SyncMode.None ? new RepositoryName("") : repository.Name,
            RepositoryId = repository is null || sync == SyncMode.None ? "" : repository.RepositoryId,
            Sync = sync,
            Bitmap = request.Bitmap,
            Policy = policy,
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
        var (order, problem) = await ReadAsync(request, node);
        return order is null ? problem! : JobEndpoints.Answer(await node.AskAsync(order), 201);
    }

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
