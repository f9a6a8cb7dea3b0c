using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Packs;

namespace ActorBackup.Storage.Reading;

/// <summary>Reads blocks by digest. What it returns was verified.</summary>
public sealed class BlockReader(IDigestIndex index, PackReader packs)
{
    /// <summary>Fills <paramref name="plain"/> with the whole block.</summary>
    /// <exception cref="StorageException">Missing block, or damaged.</exception>
    public async ValueTask ReadAsync(BlockDigest digest, Memory<byte> plain, CancellationToken cancellation)
    {
        var place = await LocateAsync(digest, cancellation).ConfigureAwait(false);
        await packs.ReadBlockAsync(place.Pack!, place.Block, plain, cancellation).ConfigureAwait(false);
    }

    /// <summary>The block, however long it is.</summary>
    public async ValueTask<byte[]> ReadAsync(BlockDigest digest, CancellationToken cancellation)
    {
        var place = await LocateAsync(digest, cancellation).ConfigureAwait(false);
        var plain = new byte[place.Block.PlainLength];
        await packs.ReadBlockAsync(place.Pack!, place.Block, plain, cancellation).ConfigureAwait(false);
        return plain;
    }

    /// <summary>Where the blocks lie, in order. Pack null = unknown.</summary>
    public ValueTask<BlockPlace[]> LocateManyAsync(ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation) =>
        index.LocateAsync(digests, cancellation);

    /// <summary>Reads a block of which the place is known.</summary>
    /// <exception cref="StorageException">Missing block, or damaged.</exception>
    public ValueTask ReadAsync(BlockDigest digest, BlockPlace place, Memory<byte> plain, CancellationToken cancellation) =>
        place.Pack is { } pack ? packs.ReadBlockAsync(pack, place.Block, plain, cancellation) : throw Missing(digest);

    private static StorageException Missing(BlockDigest digest) =>
        new(StorageError.MissingBlock, $"block {digest} is in no pack of the repository; 'abk repo reindex' looks at all packs again");

    private async ValueTask<BlockPlace> LocateAsync(BlockDigest digest, CancellationToken cancellation)
    {
        var places = await index.LocateAsync(new[] { digest }, cancellation).ConfigureAwait(false);
        return places[0].Pack is null ? throw Missing(digest) : places[0];
    }
}
