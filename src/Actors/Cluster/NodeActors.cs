using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Messages.Index;
using Akka.Actor;

namespace ActorBackup.Actors.Cluster;

/// <summary>How the rest of the node speaks with the cluster's actors. Every ask is bounded.</summary>
public sealed class NodeActors(IActorRef disks, IActorRef groups, IActorRef catalog, IActorRef index)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>A group asks its disks one after the other, and each may wait for its repository.</summary>
    internal static readonly TimeSpan GroupPatience = TimeSpan.FromMinutes(10);

    public Task<DiskReply> Ask(DiskCommand command) => disks.Ask<DiskReply>(command, Patience);

    public Task<DiskReply> Ask(DiskQuery query) =>
        disks.Ask<DiskReply>(
            query,
            query switch
            {
                DiskQuery.AwaitJob wait => wait.Timeout + Patience,
                DiskQuery.WatchJob watch => watch.Period + Patience,
                _ => Patience,
            });

    public Task<GroupReply> Ask(GroupCommand command) =>
        groups.Ask<GroupReply>(
            command,
            command switch
            {
                GroupCommand.Start => GroupPatience,
                GroupCommand.Await wait => wait.Timeout + Patience,
                _ => Patience,
            });

    public Task<CatalogReply> Ask(CatalogCommand command) => catalog.Ask<CatalogReply>(command, Patience);

    public Task<IndexReply> Ask(IndexCommand command) => index.Ask<IndexReply>(command, Patience);

    public void Tell(DiskCommand command) => disks.Tell(command, ActorRefs.NoSender);
}
