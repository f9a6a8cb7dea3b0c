using System.Collections.Immutable;
using System.Diagnostics;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;

namespace ActorBackup.Domain.Catalog;

/// <summary>Disks and repositories by name.</summary>
public sealed record CatalogState
{
    public static CatalogState Empty { get; } = new();

    public ImmutableSortedDictionary<string, RegisteredDisk> Disks { get; init; } =
        ImmutableSortedDictionary.Create<string, RegisteredDisk>(StringComparer.Ordinal);

    public ImmutableSortedDictionary<string, RegisteredRepository> Repositories { get; init; } =
        ImmutableSortedDictionary.Create<string, RegisteredRepository>(StringComparer.Ordinal);

    /// <summary>By id, oldest first.</summary>
    public ImmutableSortedDictionary<string, RegisteredGroup> Groups { get; init; } =
        ImmutableSortedDictionary.Create<string, RegisteredGroup>(StringComparer.Ordinal);
}

/// <summary>Decides catalog commands.</summary>
public static class CatalogDecider
{
    /// <summary>Groups that have ended and are still listed.</summary>
    public const int GroupsMax = 1000;

    public static Decision<CatalogEvent> Decide(CatalogState state, CatalogCommand command) =>
        command switch
        {
            CatalogCommand.RegisterDisk c => state.Disks.TryGetValue(c.Disk.Value, out var known) && known.Host == c.Host
                ? Decision<CatalogEvent>.Accept()
                : Decision<CatalogEvent>.Accept(new CatalogEvent.DiskRegistered(c.Disk, c.Host)),
            CatalogCommand.UnregisterDisk c => state.Disks.ContainsKey(c.Disk.Value)
                ? Decision<CatalogEvent>.Accept(new CatalogEvent.DiskUnregistered(c.Disk))
                : Decision<CatalogEvent>.Accept(),
            CatalogCommand.AttachRepository c => Attach(state, c),
            CatalogCommand.RegisterGroup c => state.Groups.ContainsKey(c.Group.Value)
                ? Decision<CatalogEvent>.Accept()
                : Decision<CatalogEvent>.Accept(new CatalogEvent.GroupRegistered(c.Group)),
            CatalogCommand.ConcludeGroup c => ConcludeGroup(state, c),
            CatalogCommand.DetachRepository c => state.Repositories.ContainsKey(c.Name.Value)
                ? Decision<CatalogEvent>.Accept(new CatalogEvent.RepositoryDetached(c.Name))
                : UnknownRepository(c.Name),
            _ => throw new UnreachableException($"No decision for {command.GetType().Name}."),
        };

    public static CatalogState Apply(CatalogState state, CatalogEvent e) =>
        e switch
        {
            CatalogEvent.DiskRegistered x => state with { Disks = state.Disks.SetItem(x.Disk.Value, new RegisteredDisk(x.Disk, x.Host)) },
            CatalogEvent.DiskUnregistered x => state with { Disks = state.Disks.Remove(x.Disk.Value) },
            CatalogEvent.RepositoryAttached x => state with { Repositories = Attached(state, x) },
            CatalogEvent.RepositoryDetached x => state with { Repositories = state.Repositories.Remove(x.Name.Value) },
            CatalogEvent.GroupRegistered x => state with { Groups = state.Groups.SetItem(x.Group.Value, new RegisteredGroup(x.Group, false)) },
            CatalogEvent.GroupConcluded x => state with { Groups = state.Groups.SetItem(x.Group.Value, new RegisteredGroup(x.Group, true)) },
            CatalogEvent.GroupsForgotten x => state with { Groups = state.Groups.RemoveRange(x.Groups.Select(g => g.Value)) },
            _ => throw new UnreachableException($"No transition for {e.GetType().Name}."),
        };

    public static Decision<CatalogEvent> UnknownRepository(RepositoryName name) =>
        Decision<CatalogEvent>.Refuse(
            RefusalCode.UnknownRepository, $"there is no repository '{name}'; 'abk repo list' shows the repositories, 'abk repo create' makes one");

    private static Decision<CatalogEvent> ConcludeGroup(CatalogState state, CatalogCommand.ConcludeGroup c)
    {
        if (!state.Groups.TryGetValue(c.Group.Value, out var group))
        {
            return Decision<CatalogEvent>.Accept();
        }

        if (c.IsForgotten)
        {
            return Decision<CatalogEvent>.Accept(new CatalogEvent.GroupsForgotten([c.Group]));
        }

        if (group.IsConcluded)
        {
            return Decision<CatalogEvent>.Accept();
        }

        var tooMany = state.Groups.Values.Count(g => g.IsConcluded) + 1 - GroupsMax;
        var oldest = state.Groups.Values.Where(g => g.IsConcluded).Take(Math.Max(0, tooMany)).Select(g => g.Id).ToArray();
        return oldest.Length == 0
            ? Decision<CatalogEvent>.Accept(new CatalogEvent.GroupConcluded(c.Group))
            : Decision<CatalogEvent>.Accept(new CatalogEvent.GroupConcluded(c.Group), new CatalogEvent.GroupsForgotten(oldest));
    }

    private static Decision<CatalogEvent> Attach(CatalogState state, CatalogCommand.AttachRepository c)
    {
        if (state.Repositories.ContainsKey(c.Name.Value))
        {
            return Decision<CatalogEvent>.Refuse(
                RefusalCode.Duplicate, $"there is already a repository '{c.Name}'; choose another name or detach it first");
        }

        var same = state.Repositories.Values.FirstOrDefault(r => r.RepositoryId == c.RepositoryId);
        return same is null
            ? Decision<CatalogEvent>.Accept(
                new CatalogEvent.RepositoryAttached(c.Name, c.Url, c.RepositoryId, c.MakeDefault || state.Repositories.IsEmpty))
            : Decision<CatalogEvent>.Refuse(
                RefusalCode.Duplicate, $"the repository at {c.Url} is already attached as '{same.Name}'");
    }

    private static ImmutableSortedDictionary<string, RegisteredRepository> Attached(CatalogState state, CatalogEvent.RepositoryAttached x)
    {
        var others = x.IsDefault
            ? state.Repositories.ToImmutableSortedDictionary(r => r.Key, r => r.Value with { IsDefault = false }, StringComparer.Ordinal)
            : state.Repositories;
        return others.SetItem(x.Name.Value, new RegisteredRepository(x.Name, x.Url, x.RepositoryId, x.IsDefault));
    }
}
