using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Storage;
using Akka.Actor;

namespace ActorBackup.Actors.Storage;

/// <summary>The shipped <see cref="IRepositories"/>: looks names up in the catalog and asks this node's storage actors.</summary>
internal sealed class RepositoryAccess(IActorRef catalog, IActorRef supervisor, IActorRef index) : IRepositories
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public IActorRef Index { get; } = index;

    /// <summary>Set once, before the first job starts.</summary>
    public DiskAccess Disks { get; set; } = null!;

    public async Task<OpenRepository> OpenAsync(string repositoryId)
    {
        var known = (CatalogReply.Repositories)await catalog.Ask<CatalogReply>(new CatalogCommand.GetRepositories(), Patience).ConfigureAwait(false);
        var repository = known.Registered.FirstOrDefault(r => r.RepositoryId == repositoryId)
            ?? throw new RefusedException(new Refusal(
                RefusalCode.UnknownRepository, $"repository {repositoryId} is not attached; attach it with 'abk repo attach NAME URL'"));
        return await supervisor.Ask<object>(new StorageSupervisor.Open(repository), Patience).ConfigureAwait(false) switch
        {
            OpenRepository open => open,
            StorageSupervisor.Unavailable no => throw new RefusedException(no.Refusal),
            var other => throw new InvalidOperationException($"Unexpected answer {other.GetType().Name}."),
        };
    }

    public Task<StorageReply> AskAsync(RegisteredRepository repository, StorageCommand command) =>
        supervisor.Ask<StorageReply>(
            new StorageSupervisor.Carry(repository, command),
            command switch
            {
                StorageCommand.AwaitJob wait => wait.Timeout + Patience,
                StorageCommand.WatchJob watch => watch.Period + Patience,
                _ => Patience,
            });
}
