using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Catalog;

public abstract record CatalogCommand
{
    private CatalogCommand()
    {
    }

    /// <summary>Idempotent.</summary>
    public sealed record RegisterDisk(DiskId Disk, string Host) : CatalogCommand;

    /// <summary>Idempotent.</summary>
    public sealed record UnregisterDisk(DiskId Disk) : CatalogCommand;

    public sealed record AttachRepository(RepositoryName Name, string Url, string RepositoryId, bool MakeDefault) : CatalogCommand;

    public sealed record DetachRepository(RepositoryName Name) : CatalogCommand;

    /// <summary>Idempotent.</summary>
    public sealed record RegisterGroup(GroupId Group) : CatalogCommand;

    /// <summary>Idempotent.</summary>
    /// <param name="Group">Has ended.</param>
    /// <param name="IsForgotten">It never began, so nobody wants to see it.</param>
    public sealed record ConcludeGroup(GroupId Group, bool IsForgotten) : CatalogCommand;

    public sealed record GetDisks : CatalogCommand;

    public sealed record GetGroups : CatalogCommand;

    public sealed record GetRepositories : CatalogCommand;
}

public abstract record CatalogReply
{
    private CatalogReply()
    {
    }

    public sealed record Done : CatalogReply;

    public sealed record Rejected(Refusal Refusal) : CatalogReply;

    public sealed record Disks(IReadOnlyList<RegisteredDisk> Registered) : CatalogReply;

    public sealed record Repositories(IReadOnlyList<RegisteredRepository> Registered) : CatalogReply;

    public sealed record Groups(IReadOnlyList<RegisteredGroup> Registered) : CatalogReply;
}

public sealed record RegisteredGroup(GroupId Id, bool IsConcluded);

public sealed record RegisteredDisk(DiskId Id, string Host);

public sealed record RegisteredRepository(RepositoryName Name, string Url, string RepositoryId, bool IsDefault);
