using ActorBackup.Actors.Disks;
using ActorBackup.Api;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;
using ActorBackup.Nbd.Server;
using ActorBackup.Node.Exports;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Node.Http;

/// <summary><c>/v1/points</c> and <c>/v1/exports</c>.</summary>
public static class PointEndpoints
{
    public static void Map(IEndpointRouteBuilder app)
    {
        var points = app.MapGroup(Routes.Points).WithTags("points");
        points.MapGet("", ListAsync).Produces<PointResource[]>().WithSummary("Recovery points, oldest first");
        points.MapGet("/{point}", ShowAsync).Produces<PointResource>();
        points.MapGet("/{a}/diff/{b}", DiffAsync).Produces<ExtentResource[]>().WithSummary("Byte ranges in which two points differ");
        points.MapDelete("/{point}", DeleteAsync).Produces(204);
        points.MapPost("/{point}/restore", RestoreAsync).Produces<JobResource>(201);
        points.MapPost("/{point}/verify", VerifyAsync).Produces<JobResource>(201);
        points.MapPost("/{point}/export", ExportAsync).Produces<ExportResource>(201).WithSummary("Serve the point over NBD, read-only");
        app.MapDelete(Routes.Exports + "/{name}", UnexportAsync).Produces(204).WithTags("points");
    }

    private static async Task<IResult> ListAsync(string? disk, string? repo, NodeGateway node, RepositoryGateway repositories, BaseNews news)
    {
        IReadOnlyList<RegisteredRepository> known = await node.RepositoriesAsync();
        if (repo is not null)
        {
            var (one, refusal) = await node.ResolveRepositoryAsync(repo);
            if (one is null)
            {
                return Problem.Of(refusal!);
            }

            known = [one];
        }

        var (all, listed) = await repositories.ListAsync(known);
        await news.ListedAsync(listed, all.Select(p => p.Point.Id).ToHashSet());
        var points = all
            .Where(p => disk is null || p.Point.Disk.Value == disk)
            .OrderBy(p => p.Point.Id.Value, StringComparer.Ordinal)
            .ToArray();

        // A disk that was removed may have left points; one that never was has none, and its name was mistyped.
        if (disk is not null && points.Length == 0 && await node.AskAsync(new DiskQuery.GetDisk { Disk = new DiskId(disk) }) is DiskReply.Rejected unknown)
        {
            return Problem.Of(unknown.Refusal);
        }

        return Results.Json([.. points.Select(p => Of(p.Point, p.Repository))], ApiJson.Default.PointResourceArray);
    }

    private static async Task<IResult> ShowAsync(string point, RepositoryGateway repositories)
    {
        var (found, repository) = await repositories.FindPointAsync(point);
        return Results.Json(Of(found, repository), ApiJson.Default.PointResource);
    }

    private static async Task<IResult> DiffAsync(string a, string b, RepositoryGateway repositories)
    {
        var (first, home) = await repositories.FindPointAsync(a);
        var (second, other) = await repositories.FindPointAsync(b);
        if (home.RepositoryId != other.RepositoryId)
        {
            return Problem.Of(ErrorCodes.InvalidArgument, $"points {first.Id} and {second.Id} are in different repositories; only points of one repository can be compared");
        }

        var open = await repositories.OpenAsync(home);
        var extents = await open.DiffAsync(first, second, CancellationToken.None);
        return Results.Json([.. extents.Select(e => new ExtentResource(e.Offset, e.Length))], ApiJson.Default.ExtentResourceArray);
    }

    private static async Task<IResult> DeleteAsync(string point, RepositoryGateway repositories, BaseNews news)
    {
        var (found, repository) = await repositories.FindPointAsync(point);
        if (await repositories.DeletePointAsync(found, repository) is { } refusal)
        {
            return Problem.Of(refusal);
        }

        // Its own disk's bitmaps count from another one now; those of other disks have lost it.
        await news.MissingAsync(found.Id);
        return Results.NoContent();
    }

    private static async Task<IResult> RestoreAsync(string point, RestoreRequest request, RepositoryGateway repositories, JobFinder finder, LocalDisks disks)
    {
        if (request.ToDisk is { } toDisk)
        {
            return !ObjectName.IsValid(toDisk) ? Problem.Of(ErrorCodes.InvalidName, $"'{toDisk}' is not a disk's id: {ObjectName.Rule}")
                : request.To is not null ? Problem.Of(ErrorCodes.InvalidArgument, "a restore has one target: a path or a disk")
                : await StartAsync(point, JobKind.Restore, _ => JobTarget.Of(new DiskId(toDisk)), request.Force, 0, request.Rate, repositories, finder);
        }

        if (request.To is not { Length: > 0 } target || !(Backing.IsNbd(target) || Path.IsPathFullyQualified(target)))
        {
            return Problem.Of(ErrorCodes.InvalidArgument, "a restore needs a target: an absolute path, an NBD URI or a disk");
        }

        if (disks.UserOf(target) is { } disk)
        {
            return Problem.Of(ErrorCodes.InUse, $"{target} belongs to disk '{disk}', which is served now; choose another --to, or --to-disk {disk}");
        }

        return await StartAsync(point, JobKind.Restore, _ => target, request.Force, 0, request.Rate, repositories, finder);
    }

    private static Task<IResult> VerifyAsync(string point, VerifyRequest request, RepositoryGateway repositories, JobFinder finder) =>
        request.Percent is < 0 or > 100
            ? Task.FromResult(Problem.Of(ErrorCodes.InvalidArgument, "--percent must be from 0 to 100"))
            : StartAsync(
                point,
                JobKind.Verify,
                found => request.AgainstDisk ? JobTarget.Of(found.Disk) : null,
                false,
                request.Full ? 100 : request.Percent ?? 0,
                request.Rate,
                repositories,
                finder);

    private static async Task<IResult> StartAsync(
        string point, JobKind kind, Func<RecoveryPoint, string?> target, bool force, int percent, long? rate, RepositoryGateway repositories, JobFinder finder)
    {
        if (rate < 0)
        {
            return Problem.Of(ErrorCodes.InvalidArgument, JobEndpoints.NegativeRate);
        }

        var (found, repository) = await repositories.FindPointAsync(point);
        return await StartAsync(new StorageCommand.StartJob(found.Id, kind, target(found), force, percent) { RateBytesPerSecond = rate ?? 0 }, repository, 201, repositories, finder);
    }

    internal static async Task<IResult> StartAsync(
        StorageCommand.StartJob order, RegisteredRepository repository, int status, RepositoryGateway repositories, JobFinder finder)
    {
        var reply = await repositories.AskAsync(repository, order);
        if (reply is StorageReply.Job job)
        {
            finder.Remember(job.View.Id, new JobOwner(null, repository.Name));
        }

        return JobEndpoints.Answer(reply, status);
    }

    private static async Task<IResult> ExportAsync(
        string point, ExportPointRequest? request, RepositoryGateway repositories, PointExports exports, LocalDisks disks)
    {
        var (found, repository) = await repositories.FindPointAsync(point);
        var name = request?.Name ?? found.Id.Value;
        if (request?.Name is { } given && !ObjectName.IsValid(given))
        {
            return Problem.Of(ErrorCodes.InvalidName, $"'{given}' is not an export name: {ObjectName.Rule}");
        }

        if (disks.Find(new DiskId(name)) is not null)
        {
            return NameOfDisk(name);
        }

        var open = await repositories.OpenAsync(repository);
        DirtyBitmapContext? difference = null;
        if (request?.DiffFrom is { } reference)
        {
            var (from, other) = await repositories.FindPointAsync(reference);
            if (other.RepositoryId != repository.RepositoryId)
            {
                return Problem.Of(ErrorCodes.InvalidArgument, $"points {from.Id} and {found.Id} are in different repositories; only points of one repository can be compared");
            }

            difference = PointDifference.ContextOf(from.Id, await open.Data.DifferenceAsync(from, found, CancellationToken.None));
        }

        await PointExports.WarmUpAsync(found, open);
        if (!exports.TryAdd(name, found, repository.RepositoryId, open, difference is null ? [] : [difference]))
        {
            return Problem.Of(ErrorCodes.Duplicate, $"there is already an export '{name}'; choose another --name or unexport it first");
        }

        // A disk of that name, or the end of the point, may have come between; each of them looks for the export after it has come.
        var isThere = await open.Data.Points.TryGetAsync(found.Id, CancellationToken.None) is not null;
        if (!isThere || disks.Find(new DiskId(name)) is not null)
        {
            await exports.TryRemoveAsync(name);
            return isThere ? NameOfDisk(name) : Problem.Of(ErrorCodes.UnknownPoint, $"point {found.Id} was deleted");
        }

        return Results.Json(new ExportResource(name, exports.UriOf(name)) { DiffContext = difference?.Name }, ApiJson.Default.ExportResource, statusCode: 201);
    }

    private static IResult NameOfDisk(string name) =>
        Problem.Of(ErrorCodes.Duplicate, $"'{name}' is a disk's export, also while it is not served; choose another --name");

    private static async Task<IResult> UnexportAsync(string name, RepositoryGateway repositories, PointExports exports)
    {
        // An export's name has no '@'; a point may be named with one.
        var actual = name.Contains('@') ? (await repositories.FindPointAsync(name)).Point.Id.Value : name;
        return await exports.TryRemoveAsync(actual)
            ? Results.NoContent()
            : Problem.Of(ErrorCodes.UnknownPoint, $"no point is exported as '{name}'");
    }

    private static PointResource Of(RecoveryPoint p, RegisteredRepository repository) =>
        new(
            p.Id.Value,
            p.Disk.Value,
            repository.Name.Value,
            p.IsComplete ? "complete" : "partial",
            [.. p.MissingExtents().Select(e => new ExtentResource(e.Offset, e.Length))],
            p.CreatedAt,
            p.SizeBytes,
            p.Root.IsNone ? null : p.Root.ToString(),
            p.Base?.Value,
            p.Job.Value,
            p.Group?.Value)
        {
            Granularity = p.BlockBytes,
        };
}
