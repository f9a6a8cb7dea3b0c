using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Cli.Demo;

/// <summary>The guest: writes through the disk's NBD export and remembers which blocks it touched.</summary>
public sealed class GuestDisk(IBlockDevice device, BlockGeometry geometry, Random random) : IAsyncDisposable
{
    private const int SectorBytes = 4096;

    /// <summary>Writes random bytes to random places.</summary>
    /// <param name="count">How many writes.</param>
    /// <param name="bytesEach">Of each write; a multiple of 4 KiB.</param>
    /// <param name="zone">Where on the disk.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The blocks that were touched.</returns>
    public async Task<DirtyBitmap> WriteAsync(int count, int bytesEach, Extent zone, CancellationToken cancellation)
    {
        var touched = new DirtyBitmap(geometry);
        var data = new byte[bytesEach];
        for (var i = 0; i < count; i++)
        {
            random.NextBytes(data);
            var offset = PlaceIn(zone, bytesEach);
            await device.WriteAsync(offset, data, forceUnitAccess: false, cancellation);
            touched.MarkBytes(offset, bytesEach);
        }

        await device.FlushAsync(cancellation);
        return touched;
    }

    /// <summary>Writes small pieces until the connection breaks or somebody ends it.</summary>
    /// <returns>What was acknowledged last at each place.</returns>
    public async Task<IReadOnlyDictionary<long, byte[]>> WriteUntilBrokenAsync(Extent zone, CancellationToken cancellation)
    {
        var acknowledged = new Dictionary<long, byte[]>();
        while (!cancellation.IsCancellationRequested)
        {
            var data = new byte[SectorBytes];
            random.NextBytes(data);
            var offset = PlaceIn(zone, SectorBytes);

            // Until it is acknowledged again, a place that is being written may hold either content.
            acknowledged.Remove(offset);
            try
            {
                await device.WriteAsync(offset, data, forceUnitAccess: false, cancellation);
            }
            catch (Exception e) when (e is BlockDeviceException or IOException or OperationCanceledException)
            {
                break;
            }

            acknowledged[offset] = data;
            await Task.Delay(TimeSpan.FromMilliseconds(2), CancellationToken.None);
        }

        return acknowledged;
    }

    public async ValueTask DisposeAsync()
    {
        switch (device)
        {
            case IAsyncDisposable asynchronous:
                await asynchronous.DisposeAsync();
                break;
            case IDisposable synchronous:
                synchronous.Dispose();
                break;
            default:
                break;
        }
    }

    private long PlaceIn(Extent zone, int length) => zone.Offset + (random.NextInt64((zone.Length - length) / SectorBytes) * SectorBytes);
}
