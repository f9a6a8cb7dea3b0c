using ActorBackup.Core.Packs;

namespace ActorBackup.Storage.Packs;

/// <summary>A finished pack in memory. Bytes belong to its builder: they are good until that is reset.</summary>
/// <param name="Key">Named by its content.</param>
/// <param name="Kind">Data or tree.</param>
/// <param name="Bytes">The object.</param>
/// <param name="Blocks">What is where in it.</param>
public sealed record SealedPack(string Key, PackKind Kind, ReadOnlyMemory<byte> Bytes, ReadOnlyMemory<PackedBlock> Blocks);

/// <summary>A pack's footer as read back.</summary>
public sealed record PackFooter(string Key, PackKind Kind, PackedBlock[] Blocks);
