using System.Buffers;
using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Restoring;

/// <summary>Gives a target the content of a point, several blocks at a time, and makes it durable. What the target holds already is left alone.</summary>
/// <remarks>
/// What is there is compared by digest, never assumed: so a copy that was cut short is simply done again and costs what is left. The bytes beyond the
/// point's size stay as they are. Memory: workers × (one part, and what one read of a pack fetches).
/// </remarks>
public sealed class PointCopy(Repository repository, RecoveryPoint point, IRestoreTarget target, IReadProgress progress)
{
    private const long WorkersBytes = 32 * 1024 * 1024;

    /// <summary>Of one part; the calls and look-ups for it hardly count beside so many bytes.</summary>
    private const int PartBytes = 2 * 1024 * 1024;

    /// <summary>What every target takes at once.</summary>
    private const int WriteBytesMax = 1024 * 1024;

    // Reading and writing files blocks threads that actors need, too.
    private static readonly int WorkersMax = Math.Clamp(2 * Environment.ProcessorCount, 2, 8);

    private readonly AlignedBufferPool _buffers = new(PointPart.BlocksFor(PartBytes, point.BlockBytes) * point.BlockBytes, WorkersMax);

    private int Workers => (int)Math.Clamp(WorkersBytes / point.BlockBytes, 2, WorkersMax);

    /// <exception cref="StorageException">The point cannot be read.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        progress.Total(point.SizeBytes);
        await Parallel.ForEachAsync(
            PointPart.ReadAsync(repository, point, PointPart.BlocksFor(PartBytes, point.BlockBytes), cancellation),
            new ParallelOptions { MaxDegreeOfParallelism = Workers, CancellationToken = cancellation },
            (part, stop) => part.Blocks.Length == 0 ? ZeroAsync(part.Zero, stop) : CopyAsync(part.Blocks, stop)).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        await target.FlushAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask CopyAsync(BlockEntry[] blocks, CancellationToken cancellation)
    {
        var buffer = _buffers.Rent();
        try
        {
            var absent = await WithoutThoseThereAsync(blocks, buffer.Memory[..point.BlockBytes], cancellation).ConfigureAwait(false);
            var digests = absent.ConvertAll(e => e.Digest).ToArray();
            var places = await repository.Blocks.LocateManyAsync(digests, cancellation).ConfigureAwait(false);
            await progress.PaceAsync(0, cancellation).ConfigureAwait(false);
            await repository.Blocks.ReadManyAsync(digests, places, buffer.Memory, point.BlockBytes, point.BlockBytes, static (_, failure) => throw failure, cancellation).ConfigureAwait(false);
            await WriteAsync(absent, buffer.Memory, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _buffers.Return(buffer);
        }
    }

    /// <summary>Writes blocks that lie one after the other in memory; neighbours on the disk together.</summary>
    private async ValueTask WriteAsync(List<BlockEntry> blocks, Memory<byte> plain, CancellationToken cancellation)
    {
        var blocksMax = Math.Max(1, WriteBytesMax / point.BlockBytes);
        for (var from = 0; from < blocks.Count;)
        {
            var to = from + 1;
            while (to < blocks.Count && to - from < blocksMax && blocks[to].Block == blocks[to - 1].Block + 1)
            {
                to++;
            }

            cancellation.ThrowIfCancellationRequested();
            await progress.PaceAsync(0, cancellation).ConfigureAwait(false);
            var (offset, last) = (point.Geometry.OffsetOf(blocks[from].Block), blocks[to - 1].Block);
            var length = (int)(point.Geometry.OffsetOf(last) + point.Geometry.LengthOf(last) - offset);
            await target.WriteAsync(offset, plain.Slice(from * point.BlockBytes, length), cancellation).ConfigureAwait(false);
            progress.Done(length);
            from = to;
        }
    }

    /// <summary>The blocks that the target does not hold.</summary>
    private async ValueTask<List<BlockEntry>> WithoutThoseThereAsync(BlockEntry[] blocks, Memory<byte> plain, CancellationToken cancellation)
    {
        var absent = new List<BlockEntry>(blocks.Length);
        var (asked, data, limit) = (long.MaxValue, (Start: 0L, End: 0L), point.Geometry.ExtentOf(blocks[^1].Block).End);
        foreach (var entry in blocks)
        {
            var (offset, length) = (point.Geometry.OffsetOf(entry.Block), (int)point.Geometry.LengthOf(entry.Block));
            await progress.PaceAsync(length, cancellation).ConfigureAwait(false);
            if (offset < asked || offset >= data.End)
            {
                (asked, data) = (offset, await target.NextDataAsync(offset, limit, cancellation).ConfigureAwait(false));
            }

            if (data.Start < offset + length && await HoldsAsync(offset, plain, length, entry.Digest, cancellation).ConfigureAwait(false))
            {
                progress.Skipped(length);
                progress.Done(length);
            }
            else
            {
                absent.Add(entry);
            }
        }

        return absent;
    }

    private async ValueTask<bool> HoldsAsync(long offset, Memory<byte> plain, int length, BlockDigest digest, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        await target.ReadAsync(offset, plain[..length], cancellation).ConfigureAwait(false);
        plain.Span[length..].Clear();
        return BlockDigests.Of(plain.Span) == digest;
    }

    private async ValueTask ZeroAsync(BlockRun run, CancellationToken cancellation)
    {
        var position = point.Geometry.OffsetOf(run.First);
        var end = Math.Min(point.SizeBytes, point.Geometry.OffsetOf(run.End));
        progress.Zero(end - position);
        while (position < end)
        {
            await progress.PaceAsync(0, cancellation).ConfigureAwait(false);
            var (start, stop) = await target.NextDataAsync(position, end, cancellation).ConfigureAwait(false);
            (start, stop) = (Math.Clamp(start, position, end), Math.Min(stop, end));
            progress.Done(start - position);
            position = start;
            if (start < end)
            {
                await ZeroDataAsync(start, stop, cancellation).ConfigureAwait(false);
                progress.Done(stop - start);
                position = stop;
            }
        }
    }

    private async ValueTask ZeroDataAsync(long start, long end, CancellationToken cancellation)
    {
        if (!target.LooksBeforeZeroing)
        {
            await target.ZeroAsync(start, end - start, cancellation).ConfigureAwait(false);
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(point.BlockBytes);
        try
        {
            while (start < end)
            {
                cancellation.ThrowIfCancellationRequested();
                var length = (int)(Math.Min(end, point.Geometry.OffsetOf(point.Geometry.IndexOf(start) + 1)) - start);
                await progress.PaceAsync(length, cancellation).ConfigureAwait(false);
                await target.ReadAsync(start, buffer.AsMemory(0, length), cancellation).ConfigureAwait(false);
                if (buffer.AsSpan(0, length).ContainsAnyExcept((byte)0))
                {
                    await target.ZeroAsync(start, length, cancellation).ConfigureAwait(false);
                }

                start += length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
