using ActorBackup.Actors;
using ActorBackup.Actors.Storage;
using ActorBackup.Api;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Catalog;
using ActorBackup.Node.Exports;

namespace ActorBackup.Node.Http;

/// <summary><c>/v1/repositories</c>.</summary>
public static class RepositoryEndpoints
{
    public static void Map(IEndpointRouteBuilder app)
    {
        var repositories = app.MapGroup(Routes.Repositories).WithTags("repositories");
        repositories.MapPost("", (CreateRepositoryRequest request, NodeGateway node, RepositoryGateway gateway) =>
            AddAsync(request, node, gateway, RepositoryFactory.CreateAsync)).Produces<RepositoryResource>(201).WithSummary("Create a repository and attach it");
        repositories.MapPost("/attach", (CreateRepositoryRequest request, NodeGateway node, RepositoryGateway gateway) =>
            AddAsync(request, node, gateway, RepositoryFactory.ProbeAsync)).Produces<RepositoryResource>(201).WithSummary("Attach a repository that exists");
        repositories.MapGet("", ListAsync).Produces<RepositoryResource[]>();
        repositories.MapGet("/{name}", ShowAsync).Produces<RepositoryResource>();
        repositories.MapDelete("/{name}", DetachAsync).Produces(204).WithSummary("Detach; nothing in the repository changes");
        repositories.MapPost("/{name}/reindex", ReindexAsync).Produces<RepositoryResource>().WithSummary("Rebuild the index from the packs");
    }

    private static async Task<IResult> AddAsync(
        CreateRepositoryRequest request, NodeGateway node, RepositoryGateway gateway, Func<string, Task<string>> makeOrProbe)
    {
        if (!ObjectName.IsValid(request.Name))
        {
            return Problem.Of(ErrorCodes.InvalidName, $"'{request.Name}' is not a repository name: {ObjectName.Rule}");
        }

        if (request.Encrypt)
        {
            return Problem.Of(ErrorCodes.NotSupported, "encrypted repositories are not available yet; create it without --encrypt");
        }

        if ((await node.RepositoriesAsync()).Any(r => r.Name.Value == request.Name))
        {
            return Problem.Of(ErrorCodes.Duplicate, $"there is already a repository '{request.Name}'; choose another name or detach it first");
        }

        string id;
        try
        {
            id = await makeOrProbe(request.Url);
        }
        catch (RefusedException e)
        {
            return Problem.Of(e.Refusal);
        }

        var name = new RepositoryName(request.Name);
        var reply = await node.AskAsync(new CatalogCommand.AttachRepository(name, request.Url, id, request.Default));
        if (reply is not CatalogReply.Done)
        {
            return DiskEndpoints.Refused(reply);
        }

        var (repository, refusal) = await node.ResolveRepositoryAsync(request.Name);
        return repository is null ? Problem.Of(refusal!) : Results.Json(await DescribeAsync(repository, gateway), ApiJson.Default.RepositoryResource, statusCode: 201);
    }

    private static async Task<IResult> ListAsync(NodeGateway node, RepositoryGateway gateway)
    {
        var resources = new List<RepositoryResource>();
        foreach (var repository in await node.RepositoriesAsync())
        {
            resources.Add(await DescribeAsync(repository, gateway));
        }

        return Results.Json([.. resources], ApiJson.Default.RepositoryResourceArray);
    }

    private static async Task<IResult> ShowAsync(string name, NodeGateway node, RepositoryGateway gateway)
    {
        var (repository, refusal) = await node.ResolveRepositoryAsync(name);
        return repository is null ? Problem.Of(refusal!) : Results.Json(await DescribeAsync(repository, gateway), ApiJson.Default.RepositoryResource);
    }

    /// <summary>Refused while a job works with it or a point of it is served: neither could go on to its end.</summary>
    private static async Task<IResult> DetachAsync(string name, NodeGateway node, RepositoryGateway gateway, PointExports exports)
    {
        var (repository, _) = await node.ResolveRepositoryAsync(name);
        if (repository is not null && await gateway.UnfinishedJobOfAsync(repository) is { } job)
        {
            return Problem.Of(ErrorCodes.Busy, $"repository '{name}' is used by job {job}, which has not ended; wait for it or cancel it");
        }

        if (repository is not null && exports.OfRepository(repository.RepositoryId) is { } export)
        {
            return Problem.Of(ErrorCodes.InUse, $"a point in repository '{name}' is exported as '{export}'; unexport it first");
        }

        var reply = await node.AskAsync(new CatalogCommand.DetachRepository(new RepositoryName(name)));
        return reply is CatalogReply.Done ? Results.NoContent() : DiskEndpoints.Refused(reply);
    }

    private static async Task<IResult> ReindexAsync(string name, NodeGateway node, RepositoryGateway gateway)
    {
        var (repository, refusal) = await node.ResolveRepositoryAsync(name);
        if (repository is null)
        {
            return Problem.Of(refusal!);
        }

        await (await gateway.OpenAsync(repository)).ReindexAsync();
        return Results.Json(await DescribeAsync(repository, gateway), ApiJson.Default.RepositoryResource);
    }

    private static async Task<RepositoryResource> DescribeAsync(RegisteredRepository repository, RepositoryGateway gateway)
    {
        var resource = new RepositoryResource(repository.Name.Value, repository.Url, false, repository.IsDefault, 0, 0, 0) { Id = repository.RepositoryId };
        try
        {
            var open = await gateway.OpenAsync(repository);
            var figures = await open.Data.MeasureAsync(CancellationToken.None);
            return resource with { Points = figures.Points, StoredBytes = figures.StoredBytes, LogicalBytes = figures.LogicalBytes };
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // One repository that is away must not hide the others.
            return resource with { State = "error", StateReason = Failures.Explain(e).Message };
        }
    }
}
