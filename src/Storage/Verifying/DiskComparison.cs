using System.Buffers;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Restoring;

namespace ActorBackup.Storage.Verifying;

/// <summary>
/// Compares a disk in use with a point of it: every block that nobody wrote since must be what the point says. Blocks are compared by digest, so no pack of
/// blocks is read.
/// </summary>
/// <param name="repository">That holds the point.</param>
/// <param name="point">Of the disk's geometry.</param>
/// <param name="disk">May be written meanwhile.</param>
/// <param name="isDirty">
/// Whether a block may differ, by its index. A write must make it true before it changes the disk, so that a block which is not dirty after it was read was
/// not when it was.
/// </param>
/// <param name="progress">Skipped = dirty.</param>
public sealed class DiskComparison(Repository repository, RecoveryPoint point, IBlockDevice disk, Func<long, bool> isDirty, IReadProgress progress)
{
    private const int Workers = 4;

    private readonly DeviceTarget _allocation = new(disk);
    private readonly DirtyBitmap _differs = new(point.Geometry);
    private readonly DirtyBitmap _lacked = LackedBy(point);

    /// <returns>Where blocks that are not dirty differ, ascending. None = the disk is what the point and the bitmap say.</returns>
    /// <exception cref="StorageException">The point's tree cannot be read.</exception>
    /// <exception cref="BlockDeviceException">The disk cannot be read.</exception>
    public async Task<IReadOnlyList<Extent>> RunAsync(CancellationToken cancellation) => [.. (await FindAsync(cancellation).ConfigureAwait(false)).Extents()];

    /// <summary>The same as blocks.</summary>
    public async Task<DirtyBitmap> FindAsync(CancellationToken cancellation)
    {
        progress.Total(point.SizeBytes);
        await Parallel.ForEachAsync(
            PointPart.ReadAsync(repository, point, cancellation),
            new ParallelOptions { MaxDegreeOfParallelism = Workers, CancellationToken = cancellation },
            CompareAsync).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return _differs;
    }

    private static DirtyBitmap LackedBy(RecoveryPoint point)
    {
        var lacked = new DirtyBitmap(point.Geometry);
        foreach (var run in point.Missing)
        {
            lacked.MarkRange(run.First, run.End);
        }

        return lacked;
    }

    private async ValueTask CompareAsync(PointPart part, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(point.BlockBytes);
        try
        {
            var plain = buffer.AsMemory(0, point.BlockBytes);
            foreach (var entry in part.Blocks)
            {
                await CompareAsync(entry.Block, entry.Digest, plain, cancellation).ConfigureAwait(false);
            }

            if (part.Blocks.Length == 0)
            {
                await CompareZeroAsync(part.Zero, plain, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask CompareZeroAsync(BlockRun run, Memory<byte> plain, CancellationToken cancellation)
    {
        var limit = Math.Min(point.SizeBytes, point.Geometry.OffsetOf(run.End));
        for (var block = run.First; block < run.End;)
        {
            // What the disk says is a hole reads as zero and needs no reading.
            var data = (await _allocation.NextDataAsync(point.Geometry.OffsetOf(block), limit, cancellation).ConfigureAwait(false)).Start;
            var next = data >= limit ? run.End : Math.Clamp(point.Geometry.IndexOf(data), block, run.End);
            if (next > block)
            {
                var bytes = Math.Min(point.SizeBytes, point.Geometry.OffsetOf(next)) - point.Geometry.OffsetOf(block);
                progress.Zero(bytes);
                progress.Done(bytes);
                block = next;
            }
            else
            {
                await CompareAsync(block++, default, plain, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask CompareAsync(long block, BlockDigest expected, Memory<byte> plain, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var length = (int)point.Geometry.LengthOf(block);
        if (_lacked[block] || isDirty(block))
        {
            progress.Skipped(length);
        }
        else
        {
            await progress.PaceAsync(length, cancellation).ConfigureAwait(false);
            await disk.ReadAsync(point.Geometry.OffsetOf(block), plain[..length], cancellation).ConfigureAwait(false);
            plain.Span[length..].Clear();
            if (!IsEqual(plain.Span, expected) && !isDirty(block))
            {
                _differs.Mark(block);
            }
        }

        progress.Done(length);
    }

    private static bool IsEqual(ReadOnlySpan<byte> plain, BlockDigest expected) =>
        expected.IsNone ? !plain.ContainsAnyExcept((byte)0) : BlockDigests.Of(plain) == expected;
}
