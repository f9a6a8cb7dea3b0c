using ActorBackup.Core.Blocks;

namespace ActorBackup.Nbd.Server;

/// <summary><c>qemu:dirty-bitmap:NAME</c>: bit 0 = dirty. Equal when the name and what is behind it are.</summary>
/// <remarks>A query takes no lock and costs as much as the runs it walks, so that whoever marks meanwhile is not held up.</remarks>
/// <param name="Bitmap">At most 1023 bytes as UTF-8.</param>
/// <param name="Blocks">The bits.</param>
public sealed record DirtyBitmapContext(string Bitmap, IDirtyBlocks Blocks) : IMetaContext
{
    public const string Prefix = "qemu:dirty-bitmap:";
    public const uint Dirty = 1;

    public string Name => Prefix + Bitmap;

    public ValueTask<int> QueryAsync(long offset, long length, Memory<StatusRun> runs, CancellationToken cancellation)
    {
        try
        {
            return ValueTask.FromResult(Fill(offset, offset + length, runs.Span));
        }
        catch (BlockDeviceException e)
        {
            return ValueTask.FromException<int>(e);
        }
    }

    private int Fill(long position, long end, Span<StatusRun> runs)
    {
        var bits = Blocks.Now();
        var geometry = bits.Geometry;
        var (_, limit) = geometry.Touched(position, end - position);
        var count = 0;
        while (position < end && count < runs.Length)
        {
            var (isSet, runEnd) = bits.RunAt(geometry.IndexOf(position), limit);
            var next = Math.Min(end, geometry.OffsetOf(runEnd));
            runs[count++] = new StatusRun(next - position, isSet ? Dirty : 0);
            position = next;
        }

        return count;
    }
}
