using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Messages.Storage;
using Akka.Actor;
using Akka.Serialization;

namespace ActorBackup.Actors.Serialization;

/// <summary>Everything that is persisted, as protobuf with short permanent manifests. Id 7101 is permanent.</summary>
public sealed class EventSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    public const int PermanentId = 7101;

    public override int Identifier => PermanentId;

    public override string Manifest(object o) =>
        o switch
        {
            DiskEvent e => DiskEventCodec.ManifestOf(e),
            CatalogEvent e => CatalogEventCodec.ManifestOf(e),
            StorageEvent e => StorageEventCodec.ManifestOf(e),
            GroupEvent e => GroupEventCodec.ManifestOf(e),
            _ => throw new ArgumentOutOfRangeException(nameof(o), o.GetType().FullName, "This type has no manifest."),
        };

    public override byte[] ToBinary(object obj) =>
        obj switch
        {
            DiskEvent e => DiskEventCodec.Encode(e),
            CatalogEvent e => CatalogEventCodec.Encode(e),
            StorageEvent e => StorageEventCodec.Encode(e),
            GroupEvent e => GroupEventCodec.Encode(e),
            _ => throw new ArgumentOutOfRangeException(nameof(obj), obj.GetType().FullName, "This type has no wire format."),
        };

    public override object FromBinary(byte[] bytes, string manifest) =>
        manifest.Split('.')[0] switch
        {
            "disk" or "bitmap" or "job" or "point" => DiskEventCodec.Decode(manifest, bytes),
            "catalog" => CatalogEventCodec.Decode(manifest, bytes),
            "storage" => StorageEventCodec.Decode(manifest, bytes),
            "group" => GroupEventCodec.Decode(manifest, bytes),
            _ => throw new NotSupportedException($"'{manifest}' was written by a newer version."),
        };
}
