using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;
using ActorBackup.Files;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Packs;

namespace ActorBackup.Storage.Reading;

/// <summary>Reads blocks by digest. What it returns was verified.</summary>
public sealed class BlockReader(IDigestIndex index, PackReader packs)
{
    /// <summary>Kept: about as many as read at a time.</summary>
    private const int BuffersKept = 8;

    private static readonly AlignedBufferPool Buffers = new(PackRange.BytesMax + AlignedBuffer.AlignmentBytes, BuffersKept);

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

    /// <summary>Reads blocks of which the places are known, those that lie beside each other in a pack together, in any order.</summary>
    /// <param name="digests">Of the blocks.</param>
    /// <param name="places">Where they lie, as <see cref="LocateManyAsync"/> said.</param>
    /// <param name="plain">The n-th block goes to n × <paramref name="stride"/>.</param>
    /// <param name="stride">Bytes from one block to the next; 0 = only whether they are good counts.</param>
    /// <param name="plainBytes">Of every block.</param>
    /// <param name="failed">Told of a block that is missing or damaged; may throw.</param>
    /// <param name="cancellation">Between reads.</param>
    public async ValueTask ReadManyAsync(
        ReadOnlyMemory<BlockDigest> digests,
        BlockPlace[] places,
        Memory<byte> plain,
        int stride,
        int plainBytes,
        Action<int, StorageException> failed,
        CancellationToken cancellation)
    {
        foreach (var read in PackRange.Of(places))
        {
            cancellation.ThrowIfCancellationRequested();
            if (read.Pack is { } pack && await TryReadRangeAsync(pack, read, places, plain, stride, plainBytes, cancellation).ConfigureAwait(false))
            {
                continue;
            }

            // One by one, to tell the good from the bad.
            foreach (var i in read.Blocks)
            {
                try
                {
                    await ReadAsync(digests.Span[i], places[i], plain.Slice(i * stride, plainBytes), cancellation).ConfigureAwait(false);
                }
                catch (StorageException e)
                {
                    failed(i, e);
                }
            }
        }
    }

    private async ValueTask<bool> TryReadRangeAsync(
        string pack, PackRange read, BlockPlace[] places, Memory<byte> plain, int stride, int plainBytes, CancellationToken cancellation)
    {
        if (read.Length > PackRange.BytesMax)
        {
            return false;
        }

        var buffer = Buffers.Rent();
        try
        {
            // Where the address goes with the offset the bytes need no copy in the page cache.
            var stored = buffer.Memory.Slice((int)(read.Offset % AlignedBuffer.AlignmentBytes), read.Length);
            await packs.ReadStoredAsync(pack, read.Offset, stored, cancellation).ConfigureAwait(false);
            foreach (var i in read.Blocks)
            {
                var block = places[i].Block;
                if (block.PlainLength != plainBytes)
                {
                    return false;
                }

                PackReader.Unpack(pack, block, stored.Span.Slice((int)(block.Offset - read.Offset), (int)block.StoredLength), plain.Span.Slice(i * stride, plainBytes));
            }

            return true;
        }
        catch (StorageException)
        {
            return false;
        }
        finally
        {
            Buffers.Return(buffer);
        }
    }

    private static StorageException Missing(BlockDigest digest) =>
        new(StorageError.MissingBlock, $"block {digest} is in no pack of the repository; 'abk repo reindex' looks at all packs again");

    private async ValueTask<BlockPlace> LocateAsync(BlockDigest digest, CancellationToken cancellation)
    {
        var places = await index.LocateAsync(new[] { digest }, cancellation).ConfigureAwait(false);
        return places[0].Pack is null ? throw Missing(digest) : places[0];
    }
}
