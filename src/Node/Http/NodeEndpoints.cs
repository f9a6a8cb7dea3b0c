using System.Reflection;
using ActorBackup.Api;

namespace ActorBackup.Node.Http;

/// <summary>Health, version and the cluster's members.</summary>
public static class NodeEndpoints
{
    public static string Version { get; } =
        typeof(NodeEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    public static void Map(IEndpointRouteBuilder app)
    {
        var startedAt = DateTimeOffset.UtcNow;
        app.MapGet(Routes.Live, () => Results.Json(new HealthResource("live", Version, startedAt), ApiJson.Default.HealthResource)).WithTags("health");
        app.MapGet(Routes.Ready, (NodeGateway node) => node.IsUp
            ? Results.Json(new HealthResource("ready", Version, startedAt), ApiJson.Default.HealthResource)
            : Results.Json(new HealthResource("starting", Version, startedAt), ApiJson.Default.HealthResource, statusCode: 503)).WithTags("health");
        app.MapGet(Routes.Version, () => Results.Json(new VersionResource(Version), ApiJson.Default.VersionResource)).WithTags("node");
        app.MapGet(Routes.Cluster, async (NodeGateway node, Startup.NodeSystem system) =>
        {
            await node.ActorsAsync();
            return Results.Json(system.DescribeCluster(), ApiJson.Default.ClusterResource);
        }).Produces<ClusterResource>().WithTags("cluster");
    }
}
