using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Reading;

/// <summary>A point as a read-only disk. What a partial point lacks reads as its tree has it.</summary>
/// <remarks>Opening it reads nothing. Who reads in sequence finds the next blocks in memory.</remarks>
public sealed class PointDevice(Repository repository, RecoveryPoint point, SharedBlocks blocks) : IBlockDevice
{
    /// <summary>Of one request, that are fetched at once.</summary>
    private const int FetchesMax = 4;

    private const long AheadBytesMax = 4 * 1024 * 1024;

    /// <summary>All streams together read ahead into half of the cache at most.</summary>
    private const int AheadShare = 16;

    private readonly ImageTree _tree = new(new TreeShape(point.Geometry), point.Root, repository.Nodes);
    private readonly ReadStreams _streams = new(Math.Min(AheadBytesMax, blocks.CacheBytes / AheadShare) / point.BlockBytes);
    private volatile Task _ahead = Task.CompletedTask;

    /// <summary>Completes when what was last read ahead is there.</summary>
    internal Task ReadingAhead => _ahead;

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
                    var bytes = blocks.Find(digests[block - first])
                        ?? await FetchAsync(digests.AsMemory((int)(block - first))).WaitAsync(cancellation).ConfigureAwait(false);
                    bytes.AsSpan((int)(from - geometry.OffsetOf(block)), part.Length).CopyTo(part.Span);
                }
            }
        }
        catch (StorageException e)
        {
            throw new BlockDeviceException(BlockDeviceError.InputOutput, e.Message, e);
        }

        ReadAhead(_streams.Note(first, end));
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

    /// <summary>The first of these blocks, and some more of them beside it.</summary>
    private Task<byte[]> FetchAsync(ReadOnlyMemory<BlockDigest> digests)
    {
        var first = blocks.GetAsync(digests.Span[0], point.BlockBytes);
        for (var i = 1; i < Math.Min(digests.Length, FetchesMax); i++)
        {
            if (!digests.Span[i].IsNone)
            {
                Observe(blocks.GetAsync(digests.Span[i], point.BlockBytes));
            }
        }

        return first;
    }

    /// <summary>Who asks for that block itself hears of its failure.</summary>
    private static void Observe(Task fetch) => fetch.ContinueWith(t => _ = t.Exception, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously);

    private void ReadAhead(BlockRun run)
    {
        var (first, end) = (run.First, Math.Min(run.End, point.Geometry.BlockCount));
        if (first < end)
        {
            _ahead = Task.Run(() => ReadAheadAsync(first, end));
        }
    }

    private async Task ReadAheadAsync(long first, long end)
    {
        try
        {
            var digests = new BlockDigest[end - first];
            await _tree.FillAsync(first, digests, CancellationToken.None).ConfigureAwait(false);
            await Task.WhenAll(digests.Where(d => !d.IsNone && blocks.Find(d) is null).Select(d => blocks.ReadAheadAsync(d, point.BlockBytes))).ConfigureAwait(false);
        }
        catch (StorageException)
        {
            // Whoever reads there will hear of it.
        }
    }
}
