using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Catalog;

/// <summary>What the cluster knows by name; the journal of the one catalog.</summary>
public abstract record CatalogEvent
{
    private CatalogEvent()
    {
    }

    public sealed record DiskRegistered(DiskId Disk, string Host) : CatalogEvent;

    public sealed record DiskUnregistered(DiskId Disk) : CatalogEvent;

    public sealed record RepositoryAttached(RepositoryName Name, string Url, string RepositoryId, bool IsDefault) : CatalogEvent;

    public sealed record RepositoryDetached(RepositoryName Name) : CatalogEvent;

    public sealed record GroupRegistered(GroupId Group) : CatalogEvent;

    public sealed record GroupConcluded(GroupId Group) : CatalogEvent;

    /// <summary>Not listed any more.</summary>
    public sealed record GroupsForgotten(IReadOnlyList<GroupId> Groups) : CatalogEvent;
}
