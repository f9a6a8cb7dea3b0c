using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Core.Tests.Journal;

/// <summary>One aggregate's events and their codec. A new aggregate needs a line here.</summary>
internal sealed record EventFamily(
    Type Root, string NewerManifest, Func<object, string> ManifestOf, Func<object, byte[]> Encode, Func<string, byte[], object> Decode)
{
    public static IReadOnlyList<EventFamily> All { get; } =
    [
        new(typeof(DiskEvent), "disk.added.99", e => DiskEventCodec.ManifestOf((DiskEvent)e), e => DiskEventCodec.Encode((DiskEvent)e), DiskEventCodec.Decode),
        new(typeof(CatalogEvent), "catalog.disk.99", e => CatalogEventCodec.ManifestOf((CatalogEvent)e), e => CatalogEventCodec.Encode((CatalogEvent)e), CatalogEventCodec.Decode),
        new(typeof(StorageEvent), "storage.started.99", e => StorageEventCodec.ManifestOf((StorageEvent)e), e => StorageEventCodec.Encode((StorageEvent)e), StorageEventCodec.Decode),
        new(typeof(GroupEvent), "group.created.99", e => GroupEventCodec.ManifestOf((GroupEvent)e), e => GroupEventCodec.Encode((GroupEvent)e), GroupEventCodec.Decode),
    ];

    public IEnumerable<Type> EventTypes => Root.GetNestedTypes().Where(t => t.IsSubclassOf(Root));

    public static EventFamily Of(object e) => All.Single(f => f.Root.IsInstanceOfType(e));
}
