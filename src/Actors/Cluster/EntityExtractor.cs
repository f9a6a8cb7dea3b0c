using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Messages.Index;
using Akka.Cluster.Sharding;

namespace ActorBackup.Actors.Cluster;

/// <summary>Which entity a message is for. Shards are named by a hash of the entity's id; their number is permanent.</summary>
public sealed class EntityExtractor() : HashCodeMessageExtractor(ShardCount)
{
    public const int ShardCount = 64;

    public override string? EntityId(object message) =>
        message switch
        {
            DiskCommand c => c.Disk.Value,
            DiskQuery q => q.Disk.Value,
            GroupCommand c => c.Group.Value,
            CatalogCommand => Catalog.CatalogActor.EntityId,
            IndexCommand c => Index.IndexActor.EntityIdOf(c.Repository, c.Partition),
            _ => null,
        };
}
