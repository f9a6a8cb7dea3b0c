using ActorBackup.Actors.Disks;
using ActorBackup.Api;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Node.Exports;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Node.Http;

/// <summary><c>/v1/disks</c>.</summary>
public static class DiskEndpoints
{
    public static void Map(IEndpointRouteBuilder app)
    {
        var disks = app.MapGroup(Routes.Disks).WithTags("disks");
        disks.MapPost("", AddAsync).Produces<DiskResource>(201).WithSummary("Add a disk and export it at once");
        disks.MapGet("", ListAsync).Produces<DiskResource[]>().WithSummary("All disks");
        disks.MapGet("/{disk}", ShowAsync).Produces<DiskResource>().WithSummary("One disk");
        disks.MapDelete("/{disk}", RemoveAsync).Produces(204).WithSummary("Remove a disk; its points stay unless deletePoints");
        disks.MapPost("/{disk}/stop", (string disk, NodeGateway node, LocalDisks local, NodeExports exports) =>
            ChangeAsync(new DiskCommand.StopDisk { Disk = new DiskId(disk) }, node, local, exports)).Produces<DiskResource>().WithSummary("Release the backing");
        disks.MapPost("/{disk}/start", (string disk, NodeGateway node, LocalDisks local, NodeExports exports) =>
            ChangeAsync(new DiskCommand.StartDisk { Disk = new DiskId(disk) }, node, local, exports)).Produces<DiskResource>().WithSummary("Take the backing again");
        disks.MapPost("/{disk}/export", ExportAsync).Produces<DiskResource>().WithSummary("Export the disk with these bitmaps");
        disks.MapPost("/{disk}/unexport", (string disk, NodeGateway node, LocalDisks local, NodeExports exports) =>
            ChangeAsync(new DiskCommand.UnexportDisk { Disk = new DiskId(disk) }, node, local, exports)).Produces<DiskResource>().WithSummary("End the export; the disk stays online");
        disks.MapPost("/{disk}/set", SetAsync).Produces<DiskResource>().WithSummary("Name the new place of a backing that was moved, or move the tracking file");
        disks.MapPost("/{disk}/resize", (string disk, ResizeDiskRequest body, NodeGateway node, LocalDisks local, NodeExports exports) =>
            ChangeAsync(new DiskCommand.ResizeDisk(body.SizeBytes) { Disk = new DiskId(disk) }, node, local, exports)).Produces<DiskResource>().WithSummary("Give disk and backing another size");
    }

    private static async Task<IResult> AddAsync(AddDiskRequest request, NodeGateway node, LocalDisks local, NodeExports exports)
    {
        if (!ObjectName.IsValid(request.Id))
        {
            return Problem.Of(ErrorCodes.InvalidName, $"'{request.Id}' is not a disk id: {ObjectName.Rule}");
        }

        if (BackingOf(request.File, request.Nbd) is not { } backing)
        {
            return Problem.Of(
                ErrorCodes.InvalidArgument,
                "a disk needs one backing: the absolute path of a raw file or block device, or the URI of an NBD export (nbd://HOST[:PORT]/NAME, nbd+unix:///NAME?socket=PATH)");
        }

        if (request.Host is { } host && host != local.Host)
        {
            return Problem.Of(
                ErrorCodes.InvalidArgument, $"there is no node with the label '{host}'; this one is '{local.Host}' ('abk cluster status' shows the nodes), and a disk is of the node that has its file");
        }

        var granularity = request.Granularity ?? Granularity.DefaultBytes;
        if (!Granularity.IsValidForDisk(granularity))
        {
            return Problem.Of(
                ErrorCodes.InvalidGranularity,
                $"granularity {granularity} is not allowed for a disk; it must be a power of two from {Granularity.DiskMinBytes} to {Granularity.DiskMaxBytes} bytes");
        }

        var disk = new DiskId(request.Id);
        var reply = await node.AskAsync(new DiskCommand.AddDisk(backing, granularity, request.Journal, request.ReadOnly)
        {
            Disk = disk,
            IsExclusive = request.Exclusive,
            AssumeDurable = request.AssumeDurable,
        });
        if (reply is not DiskReply.Disk added)
        {
            return Refused(reply);
        }

        await node.AskAsync(new CatalogCommand.RegisterDisk(disk, added.View.Definition.Host));
        return Results.Json(Of(added.View, local, exports), ApiJson.Default.DiskResource, statusCode: 201);
    }

    /// <summary>Null unless exactly one is named, and well.</summary>
    private static string? BackingOf(string? file, string? nbd) =>
        (file, nbd) switch
        {
            ({ Length: > 0 }, null) when Path.IsPathFullyQualified(file) => file,
            (null, { } uri) when Backing.IsNbd(uri) => uri,
            _ => null,
        };

    private static async Task<IResult> ListAsync(NodeGateway node, LocalDisks local, NodeExports exports)
    {
        var registered = await node.DisksAsync();
        var replies = await Task.WhenAll(registered.Select(d => node.AskAsync(new DiskQuery.GetDisk { Disk = d.Id })));
        return Results.Json([.. replies.OfType<DiskReply.Disk>().Select(d => Of(d.View, local, exports))], ApiJson.Default.DiskResourceArray);
    }

    private static async Task<IResult> ShowAsync(string disk, NodeGateway node, LocalDisks local, NodeExports exports) =>
        await node.AskAsync(new DiskQuery.GetDisk { Disk = new DiskId(disk) }) is var reply && reply is DiskReply.Disk found
            ? Results.Json(Of(found.View, local, exports), ApiJson.Default.DiskResource)
            : Refused(reply);

    private static async Task<IResult> ChangeAsync(DiskCommand command, NodeGateway node, LocalDisks local, NodeExports exports) =>
        await node.AskAsync(command) is var reply && reply is DiskReply.Disk changed
            ? Results.Json(Of(changed.View, local, exports), ApiJson.Default.DiskResource)
            : Refused(reply);

    private static Task<IResult> ExportAsync(string disk, ExportDiskRequest? request, NodeGateway node, LocalDisks local, NodeExports exports)
    {
        var bitmaps = request?.Bitmaps ?? [];
        return bitmaps.Contains(null!)
            ? Task.FromResult(Problem.Of(ErrorCodes.InvalidArgument, "the name of a bitmap is missing"))
            : ChangeAsync(new DiskCommand.ExportDisk(bitmaps) { Disk = new DiskId(disk) }, node, local, exports);
    }

    private static async Task<IResult> SetAsync(string disk, SetDiskRequest request, NodeGateway node, LocalDisks local, NodeExports exports)
    {
        var backing = BackingOf(request.File, request.Nbd);
        return (backing is null && (request.File is not null || request.Nbd is not null)) || (backing is null && request.Journal is null)
            ? Problem.Of(
                ErrorCodes.InvalidArgument, "name what is new: one backing (an absolute path, or the URI of an NBD export), or the directory of the tracking file, or both")
            : await ChangeAsync(new DiskCommand.SetDisk(backing, request.Journal) { Disk = new DiskId(disk) }, node, local, exports);
    }

    private static async Task<IResult> RemoveAsync(string disk, bool? deletePoints, NodeGateway node, RepositoryGateway repositories, LocalDisks local)
    {
        var id = new DiskId(disk);
        if (deletePoints == true && (await repositories.PointsOfAsync(id)).Select(p => local.Pins.WhyPinned(p.Point.Id, p.Repository.RepositoryId)).FirstOrDefault(w => w is not null) is { } why)
        {
            return Problem.Of(ErrorCodes.Pinned, $"{why}, or leave the points");
        }

        var reply = await node.AskAsync(new DiskCommand.RemoveDisk { Disk = id });
        if (reply is not DiskReply.Done)
        {
            return Refused(reply);
        }

        await node.AskAsync(new CatalogCommand.UnregisterDisk(id));
        return deletePoints == true ? await DeletePointsAsync(id, repositories) : Results.NoContent();
    }

    /// <summary>All that can be deleted. What cannot is said, or it would be taken for gone.</summary>
    private static async Task<IResult> DeletePointsAsync(DiskId disk, RepositoryGateway repositories)
    {
        Refusal? first = null;
        foreach (var (point, repository) in await repositories.PointsOfAsync(disk))
        {
            var refusal = await repositories.DeletePointAsync(point, repository);
            first ??= refusal;
        }

        return first is null
            ? Results.NoContent()
            : Problem.Of(new Refusal(first.Code, $"disk '{disk}' is removed, but not all of its points are deleted: {first.Message}; 'abk point list --disk {disk}' shows them"));
    }

    public static IResult Refused(object reply) =>
        reply switch
        {
            DiskReply.Rejected r => Problem.Of(r.Refusal),
            CatalogReply.Rejected r => Problem.Of(r.Refusal),
            Messages.Storage.StorageReply.Rejected r => Problem.Of(r.Refusal),
            _ => Problem.Of(ErrorCodes.Internal, $"unexpected answer {reply.GetType().Name}"),
        };

    private static DiskResource Of(DiskView view, LocalDisks local, NodeExports exports)
    {
        var export = local.ExportOf(view.Definition.Id);
        return new DiskResource(
            view.Definition.Id.Value,
            view.Definition.SizeBytes,
            view.Definition.BlockBytes,
            Backing.IsNbd(view.Definition.Backing) ? view.Definition.Backing : $"file:{view.Definition.Backing}",
            export?.Uri,
            Answers.Lower(view.Condition),
            view.Reason,
            view.Definition.Host,
            export?.Clients ?? 0,
            view.LastPoint?.Value,
            view.LastSuccessAt)
        {
            ReadOnly = view.Definition.IsReadOnly,
            NbdTcpUri = exports.TcpUriOf(view.Definition.Id.Value),
            TrackingFile = view.Definition.TrackingPath,
            ExportedBitmaps = view.ExportedBitmaps,
            HalfRestoredBy = view.HalfRestoredBy?.Value,
        };
    }
}
