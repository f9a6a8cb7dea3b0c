using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Reading;

/// <summary>A point as a read-only disk. What a partial point lacks reads as its tree has it.</summary>
public sealed class PointDevice(Repository repository, RecoveryPoint point, long cacheBytes = PointDevice.DefaultCacheBytes) : IBlockDevice
{
    public const long DefaultCacheBytes = 64 * 1024 * 1024;

    private readonly ImageTree _tree = new(new TreeShape(point.Geometry), point.Root, repository.Nodes);
    private readonly BlockCache _cache = new(cacheBytes);

    public long SizeBytes => point.SizeBytes;

    public bool IsReadOnly => true;

    public int PreferredBlockBytes => point.BlockBytes;

    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        var geometry = point.Geometry;
        var (first, end) = geometry.Touched(offset, buffer.Length);
        var digests = new BlockDigest[end - first];
        try
        {
            await _tree.FillAsync(first, digests, cancellation).ConfigureAwait(false);
            for (var block = first; block < end; block++)
            {
                var from = Math.Max(offset, geometry.OffsetOf(block));
                var to = Math.Min(offset + buffer.Length, geometry.OffsetOf(block + 1));
                var part = buffer.Slice((int)(from - offset), (int)(to - from));
                if (digests[block - first].IsNone)
                {
                    part.Span.Clear();
                }
                else
                {
                    var bytes = await BlockAsync(digests[block - first], cancellation).ConfigureAwait(false);
                    bytes.AsSpan((int)(from - geometry.OffsetOf(block)), part.Length).CopyTo(part.Span);
                }
            }
        }
        catch (StorageException e)
        {
            throw new BlockDeviceException(BlockDeviceError.InputOutput, e.Message, e);
        }
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation) => throw ReadOnly();

    public ValueTask FlushAsync(CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation) => throw ReadOnly();

    public ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation) => throw ReadOnly();

    public async ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        const int BatchBlocks = 1024;
        var geometry = point.Geometry;
        var digests = new BlockDigest[BatchBlocks];
        var count = 0;
        var position = offset;
        while (position < offset + length)
        {
            var first = geometry.IndexOf(position);
            var batch = (int)Math.Min(BatchBlocks, geometry.BlockCount - first);
            try
            {
                await _tree.FillAsync(first, digests.AsMemory(0, batch), cancellation).ConfigureAwait(false);
            }
            catch (StorageException e)
            {
                throw new BlockDeviceException(BlockDeviceError.InputOutput, e.Message, e);
            }

            for (var i = 0; i < batch && position < offset + length; i++)
            {
                var end = Math.Min(offset + length, Math.Min(point.SizeBytes, geometry.OffsetOf(first + i + 1)));
                var isZero = digests[i].IsNone;
                if (count > 0 && runs.Span[count - 1].IsHole == isZero)
                {
                    runs.Span[count - 1] = runs.Span[count - 1] with { Length = runs.Span[count - 1].Length + end - position };
                }
                else if (count == runs.Length)
                {
                    return count;
                }
                else
                {
                    runs.Span[count++] = new AllocationRun(end - position, isZero, isZero);
                }

                position = end;
            }
        }

        return count;
    }

    private static BlockDeviceException ReadOnly() => new(BlockDeviceError.NotPermitted, "A recovery point cannot be written.");

    private async ValueTask<byte[]> BlockAsync(BlockDigest digest, CancellationToken cancellation)
    {
        if (_cache.Find(digest) is { } known)
        {
            return known;
        }

        var block = new byte[point.BlockBytes];
        await repository.Blocks.ReadAsync(digest, block, cancellation).ConfigureAwait(false);
        _cache.Add(digest, block);
        return block;
    }
}
