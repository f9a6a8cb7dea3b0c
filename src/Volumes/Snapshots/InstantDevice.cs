using ActorBackup.Core.Blocks;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>A disk as it was at an instant, for readers. Trims say what a reader needs no more: whole blocks of them are kept no longer, and fail to be read.</summary>
internal sealed class InstantDevice(DiskSnapshot snapshot) : IBlockDevice
{
    private BlockGeometry Geometry => snapshot.Geometry;

    public long SizeBytes => Geometry.SizeBytes;

    public bool IsReadOnly => true;

    public bool CanTrim => true;

    public int PreferredBlockBytes => (int)Geometry.BlockBytes;

    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            for (var done = 0; done < buffer.Length;)
            {
                var block = Geometry.IndexOf(offset + done);
                var start = (int)(offset + done - Geometry.OffsetOf(block));
                var length = (int)Math.Min(buffer.Length - done, Geometry.BlockBytes - start);
                await snapshot.PeekAsync(block, start, buffer.Slice(done, length), cancellation).ConfigureAwait(false);
                done += length;
            }
        }
        catch (VolumeException e)
        {
            throw new BlockDeviceException(e.Error == VolumeError.Invalid ? BlockDeviceError.NotPermitted : BlockDeviceError.InputOutput, e.Message, e);
        }
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation) => throw ReadOnly();

    public ValueTask FlushAsync(CancellationToken cancellation) => ValueTask.CompletedTask;

    public async ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation)
    {
        // What a range only touches may be needed still.
        var first = Geometry.IndexOf(offset + Geometry.BlockBytes - 1);
        var end = offset + length == SizeBytes ? Geometry.BlockCount : Geometry.IndexOf(offset + length);
        for (var block = first; block < end; block++)
        {
            await snapshot.ForgetAsync(block, cancellation).ConfigureAwait(false);
        }
    }

    public ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation) => throw ReadOnly();

    public ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        var (end, count) = (offset + length, 0);
        for (var position = offset; position < end;)
        {
            var block = Geometry.IndexOf(position);
            var hole = snapshot.HoleAt(block, Geometry.Touched(position, end - position).End);
            var next = Math.Min(end, Geometry.OffsetOf(block + Math.Max(1, hole)));
            if (count > 0 && runs.Span[count - 1].IsHole == hole > 0)
            {
                runs.Span[count - 1] = runs.Span[count - 1] with { Length = runs.Span[count - 1].Length + next - position };
            }
            else if (count == runs.Length)
            {
                break;
            }
            else
            {
                runs.Span[count++] = new AllocationRun(next - position, hole > 0, hole > 0);
            }

            position = next;
        }

        return ValueTask.FromResult(count);
    }

    private static BlockDeviceException ReadOnly() => new(BlockDeviceError.NotPermitted, "An instant of a disk cannot be written.");
}
