namespace ActorBackup.Core.Packs;

/// <summary>Where a block lies. Pack null = the index does not know the digest.</summary>
public readonly record struct BlockPlace(string? Pack, PackedBlock Block);
