using ActorBackup.Core.Identity;
using Google.Protobuf;
using W = ActorBackup.Messages.Catalog.Wire;

namespace ActorBackup.Messages.Catalog;

/// <summary>Catalog events to and from their journal bytes. Manifests are permanent.</summary>
public static class CatalogEventCodec
{
    public static string ManifestOf(CatalogEvent e) =>
        e switch
        {
            CatalogEvent.DiskRegistered => "catalog.disk.1",
            CatalogEvent.DiskUnregistered => "catalog.nodisk.1",
            CatalogEvent.RepositoryAttached => "catalog.repo.1",
            CatalogEvent.RepositoryDetached => "catalog.norepo.1",
            CatalogEvent.GroupRegistered => "catalog.group.1",
            CatalogEvent.GroupConcluded => "catalog.grouped.1",
            CatalogEvent.GroupsForgotten => "catalog.nogroups.1",
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "An event without a manifest cannot be stored."),
        };

    public static byte[] Encode(CatalogEvent e) =>
        e switch
        {
            CatalogEvent.DiskRegistered x => new W.DiskRegistered { Disk = x.Disk.Value, Host = x.Host }.ToByteArray(),
            CatalogEvent.DiskUnregistered x => new W.DiskUnregistered { Disk = x.Disk.Value }.ToByteArray(),
            CatalogEvent.RepositoryAttached x => new W.RepositoryAttached
            {
                Name = x.Name.Value,
                Url = x.Url,
                RepositoryId = x.RepositoryId,
                IsDefault = x.IsDefault,
            }.ToByteArray(),
            CatalogEvent.RepositoryDetached x => new W.RepositoryDetached { Name = x.Name.Value }.ToByteArray(),
            CatalogEvent.GroupRegistered x => new W.GroupRegistered { Group = x.Group.Value }.ToByteArray(),
            CatalogEvent.GroupConcluded x => new W.GroupConcluded { Group = x.Group.Value }.ToByteArray(),
            CatalogEvent.GroupsForgotten x => new W.GroupsForgotten { Groups = { x.Groups.Select(g => g.Value) } }.ToByteArray(),
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "An event without a wire type cannot be stored."),
        };

    /// <exception cref="NotSupportedException">The manifest is of a newer version.</exception>
    public static CatalogEvent Decode(string manifest, byte[] bytes)
    {
        switch (manifest)
        {
            case "catalog.disk.1":
                var disk = W.DiskRegistered.Parser.ParseFrom(bytes);
                return new CatalogEvent.DiskRegistered(new DiskId(disk.Disk), disk.Host);
            case "catalog.nodisk.1":
                return new CatalogEvent.DiskUnregistered(new DiskId(W.DiskUnregistered.Parser.ParseFrom(bytes).Disk));
            case "catalog.repo.1":
                var repo = W.RepositoryAttached.Parser.ParseFrom(bytes);
                return new CatalogEvent.RepositoryAttached(new RepositoryName(repo.Name), repo.Url, repo.RepositoryId, repo.IsDefault);
            case "catalog.norepo.1":
                return new CatalogEvent.RepositoryDetached(new RepositoryName(W.RepositoryDetached.Parser.ParseFrom(bytes).Name));
            case "catalog.group.1":
                return new CatalogEvent.GroupRegistered(new GroupId(W.GroupRegistered.Parser.ParseFrom(bytes).Group));
            case "catalog.grouped.1":
                return new CatalogEvent.GroupConcluded(new GroupId(W.GroupConcluded.Parser.ParseFrom(bytes).Group));
            case "catalog.nogroups.1":
                return new CatalogEvent.GroupsForgotten([.. W.GroupsForgotten.Parser.ParseFrom(bytes).Groups.Select(g => new GroupId(g))]);
            default:
                throw new NotSupportedException($"Catalog event '{manifest}' was written by a newer version.");
        }
    }
}
