using ActorBackup.Actors.Cluster;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Node.Http;

/// <summary>What the HTTP handlers need of the node: its actors, once the cluster is up, and names resolved.</summary>
public sealed class NodeGateway(Task<NodeActors> actors)
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(30);

    /// <exception cref="TimeoutException">The cluster did not come up.</exception>
    public Task<NodeActors> ActorsAsync() => actors.WaitAsync(StartPatience);

    public bool IsUp => actors.IsCompletedSuccessfully;

    public async Task<DiskReply> AskAsync(DiskCommand command) => await (await ActorsAsync().ConfigureAwait(false)).Ask(command).ConfigureAwait(false);

    public async Task<DiskReply> AskAsync(DiskQuery query) => await (await ActorsAsync().ConfigureAwait(false)).Ask(query).ConfigureAwait(false);

    public async Task<GroupReply> AskAsync(GroupCommand command) => await (await ActorsAsync().ConfigureAwait(false)).Ask(command).ConfigureAwait(false);

    public async Task<IReadOnlyList<RegisteredGroup>> GroupsAsync() =>
        ((CatalogReply.Groups)await AskAsync(new CatalogCommand.GetGroups()).ConfigureAwait(false)).Registered;

    public async Task<CatalogReply> AskAsync(CatalogCommand command) =>
        await (await ActorsAsync().ConfigureAwait(false)).Ask(command).ConfigureAwait(false);

    public async Task<IReadOnlyList<RegisteredDisk>> DisksAsync() =>
        ((CatalogReply.Disks)await AskAsync(new CatalogCommand.GetDisks()).ConfigureAwait(false)).Registered;

    public async Task<IReadOnlyList<RegisteredRepository>> RepositoriesAsync() =>
        ((CatalogReply.Repositories)await AskAsync(new CatalogCommand.GetRepositories()).ConfigureAwait(false)).Registered;

    /// <summary>The named repository, or the default one.</summary>
    public async Task<(RegisteredRepository? Repository, Refusal? Refusal)> ResolveRepositoryAsync(string? name)
    {
        var known = await RepositoriesAsync().ConfigureAwait(false);
        var found = name is null ? known.FirstOrDefault(r => r.IsDefault) : known.FirstOrDefault(r => r.Name.Value == name);
        return (found, name, found) switch
        {
            (not null, _, _) => (found, null),
            (_, null, _) => (null, new Refusal(RefusalCode.UnknownRepository, "no repository was named and there is no default one; use --repo, or 'abk repo create NAME URL --default'")),
            _ => (null, Domain.Catalog.CatalogDecider.UnknownRepository(new RepositoryName(name)).Refusal),
        };
    }
}
