using ActorBackup.Api;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Node.Http;

/// <summary><c>/v1/disks/{disk}/bitmaps</c>.</summary>
public static class BitmapEndpoints
{
    public static void Map(IEndpointRouteBuilder app)
    {
        var bitmaps = app.MapGroup(Routes.Disks + "/{disk}/bitmaps").WithTags("bitmaps");
        bitmaps.MapPost("", AddAsync).Produces<BitmapResource>(201).Produces<JobResource>(202)
            .WithSummary("Add a bitmap; with a base that is not trusted, the job that compares the disk and then adds it");
        bitmaps.MapGet("", ListAsync).Produces<BitmapResource[]>().WithSummary("A disk's bitmaps");
        bitmaps.MapDelete("/{name}", (string disk, BitmapSegment bitmap, NodeGateway node) =>
            RemoveAsync(new DiskCommand.RemoveBitmap(bitmap.Value) { Disk = new DiskId(disk) }, node)).Produces(204).WithSummary("Remove a bitmap");
        bitmaps.MapPost("/{name}/clear", (string disk, BitmapSegment bitmap, NodeGateway node) =>
            ChangeAsync(new DiskCommand.ClearBitmap(bitmap.Value) { Disk = new DiskId(disk) }, bitmap.Value, node)).Produces<BitmapResource>();
        bitmaps.MapPost("/{name}/enable", (string disk, BitmapSegment bitmap, NodeGateway node) =>
            ChangeAsync(new DiskCommand.SetBitmapRecording(bitmap.Value, true) { Disk = new DiskId(disk) }, bitmap.Value, node)).Produces<BitmapResource>();
        bitmaps.MapPost("/{name}/disable", (string disk, BitmapSegment bitmap, NodeGateway node) =>
            ChangeAsync(new DiskCommand.SetBitmapRecording(bitmap.Value, false) { Disk = new DiskId(disk) }, bitmap.Value, node)).Produces<BitmapResource>();
        bitmaps.MapPost("/{name}/merge", MergeAsync).Produces<BitmapResource>().WithSummary("Add the bits of other bitmaps");
        bitmaps.MapGet("/{name}/extents", ExtentsAsync).Produces<ExtentResource[]>().WithSummary("Dirty byte ranges, sorted and coalesced");
    }

    private static async Task<IResult> AddAsync(string disk, AddBitmapRequest request, NodeGateway node, RepositoryGateway repositories, JobFinder finder)
    {
        var order = new DiskCommand.AddBitmap(request.Name, request.Granularity, !request.Disabled, !request.Transient) { Disk = new DiskId(disk) };
        if (request.Base is not { } point)
        {
            return request.Trust
                ? Problem.Of(ErrorCodes.InvalidArgument, "a bitmap without a base leaves nothing to trust; name a point")
                : await AddNowAsync(order, node);
        }

        if (request.Disabled)
        {
            return Problem.Of(ErrorCodes.InvalidArgument, "a disabled bitmap does not see what is written, so a base of it would be wrong at once; leave out --disabled or --base");
        }

        if (request.Rate < 0)
        {
            return Problem.Of(ErrorCodes.InvalidArgument, JobEndpoints.NegativeRate);
        }

        var (found, repository) = await repositories.FindPointAsync(point);
        return request.Trust
            ? await AddNowAsync(order with { Base = new AssertedBase(found.Id, repository.RepositoryId, found.SizeBytes, found.BlockBytes, found.IsComplete) }, node)
            : await PointEndpoints.StartAsync(
                new StorageCommand.StartJob(found.Id, JobKind.Verify, JobTarget.Of(order.Disk), Force: false, Percent: 0)
                {
                    Bitmap = new NewBitmap(request.Name, request.Granularity, !request.Transient),
                    RateBytesPerSecond = request.Rate ?? 0,
                },
                repository,
                202,
                repositories,
                finder);
    }

    private static async Task<IResult> AddNowAsync(DiskCommand.AddBitmap order, NodeGateway node)
    {
        var reply = await node.AskAsync(order);
        return reply is DiskReply.Done ? await OneAsync(order.Disk.Value, order.Name, node, 201) : DiskEndpoints.Refused(reply);
    }

    private static async Task<IResult> ListAsync(string disk, NodeGateway node, BaseNews news)
    {
        await news.LookAsync(new DiskId(disk));
        var reply = await node.AskAsync(new DiskQuery.GetBitmaps { Disk = new DiskId(disk) });
        if (reply is not DiskReply.Bitmaps bitmaps)
        {
            return DiskEndpoints.Refused(reply);
        }

        var names = await NamesAsync(node);
        return Results.Json([.. bitmaps.Views.Select(b => Answers.Of(b, names))], ApiJson.Default.BitmapResourceArray);
    }

    private static async Task<IResult> RemoveAsync(DiskCommand command, NodeGateway node) =>
        await node.AskAsync(command) is var reply && reply is DiskReply.Done ? Results.NoContent() : DiskEndpoints.Refused(reply);

    private static async Task<IResult> ChangeAsync(DiskCommand command, string name, NodeGateway node) =>
        await node.AskAsync(command) is var reply && reply is DiskReply.Done
            ? await OneAsync(command.Disk.Value, name, node, 200)
            : DiskEndpoints.Refused(reply);

    private static Task<IResult> MergeAsync(string disk, BitmapSegment bitmap, MergeBitmapRequest request, NodeGateway node)
    {
        if (request.Sources.Contains(null!))
        {
            return Task.FromResult(Problem.Of(ErrorCodes.InvalidArgument, "the name of a source is missing"));
        }

        var sources = request.Sources.Select(s => s.Split('/', 2) is [var other, var source]
            ? new BitmapAddress(new DiskId(other), source)
            : new BitmapAddress(new DiskId(disk), s));
        return ChangeAsync(new DiskCommand.MergeBitmaps(bitmap.Value, [.. sources]) { Disk = new DiskId(disk) }, bitmap.Value, node);
    }

    private static async Task<IResult> ExtentsAsync(string disk, BitmapSegment bitmap, string? set, NodeGateway node)
    {
        BitmapSet? which = null;
        if (set is not null)
        {
            if (!Enum.TryParse<BitmapSet>(set, ignoreCase: true, out var parsed) || !Enum.IsDefined(parsed))
            {
                return Problem.Of(ErrorCodes.InvalidArgument, $"'{set}' is not a set; use sync, successor or copy");
            }

            which = parsed;
        }

        var reply = await node.AskAsync(new DiskQuery.GetBitmapExtents(bitmap.Value, which) { Disk = new DiskId(disk) });
        return reply is DiskReply.Extents extents
            ? Results.Json([.. extents.Dirty.Select(e => new ExtentResource(e.Offset, e.Length))], ApiJson.Default.ExtentResourceArray)
            : DiskEndpoints.Refused(reply);
    }

    private static async Task<IResult> OneAsync(string disk, string name, NodeGateway node, int status)
    {
        var reply = await node.AskAsync(new DiskQuery.GetBitmaps { Disk = new DiskId(disk) });
        return reply is DiskReply.Bitmaps bitmaps && bitmaps.Views.FirstOrDefault(b => b.Name == name) is { } view
            ? Results.Json(Answers.Of(view, await NamesAsync(node)), ApiJson.Default.BitmapResource, statusCode: status)
            : DiskEndpoints.Refused(reply);
    }

    private static async Task<Func<string?, string?>> NamesAsync(NodeGateway node)
    {
        var known = (await node.RepositoriesAsync()).ToDictionary(r => r.RepositoryId, r => r.Name.Value);
        return id => id is null ? null : known.GetValueOrDefault(id);
    }
}
