using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Index;
using Akka.Actor;

namespace ActorBackup.Actors.Cluster;

/// <summary>How the rest of the node speaks with the cluster's actors. Every ask is bounded.</summary>
public sealed class NodeActors(IActorRef disks, IActorRef catalog, IActorRef index)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public Task<DiskReply> Ask(DiskCommand command) => disks.Ask<DiskReply>(command, Patience);

    public Task<DiskReply> Ask(DiskQuery query) =>
        disks.Ask<DiskReply>(query, query is DiskQuery.AwaitJob wait ? wait.Timeout + Patience : Patience);

    public Task<CatalogReply> Ask(CatalogCommand command) => catalog.Ask<CatalogReply>(command, Patience);

    public Task<IndexReply> Ask(IndexCommand command) => index.Ask<IndexReply>(command, Patience);

    public void Tell(DiskCommand command) => disks.Tell(command, ActorRefs.NoSender);
}
