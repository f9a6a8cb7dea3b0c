using System.Security.Cryptography;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Domain.Disks;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>Looks whether blocks that a bitmap calls clean still are what its base says. It proves little when they are, and all when one is not.</summary>
internal static class BaseSample
{
    private const int BlocksMax = 64;
    private const int TriesMax = 4 * BlocksMax;

    /// <summary>Where a clean block differs from the base; null when none was met.</summary>
    /// <remarks>Guests may write meanwhile: their bits are set before their bytes, so a block that is clean after it was read was clean when it was.</remarks>
    public static async Task<long?> FindChangeAsync(TrackedDisk disk, BitmapState bitmap, IRepositories repositories)
    {
        var repository = await repositories.OpenAsync(bitmap.Base.RepositoryId!).ConfigureAwait(false);
        var point = await repository.Data.Points.TryGetAsync(bitmap.Base.Point!.Value, CancellationToken.None).ConfigureAwait(false);
        var geometry = disk.Definition.Geometry;
        if (point is null || point.Geometry != geometry)
        {
            return null;
        }

        var device = repository.DeviceOf(point);
        var (now, then) = (new byte[geometry.BlockBytes], new byte[geometry.BlockBytes]);
        var dirty = DirtyBlocks(disk, bitmap.SetId);
        for (var (tries, looked) = (0, 0); tries < TriesMax && looked < BlocksMax; tries++)
        {
            var block = RandomNumberGenerator.GetInt32((int)Math.Min(geometry.BlockCount, int.MaxValue));
            if (dirty[block])
            {
                continue;
            }

            looked++;
            var (offset, length) = (geometry.OffsetOf(block), (int)geometry.LengthOf(block));
            await disk.ReadAsync(offset, now.AsMemory(0, length), CancellationToken.None).ConfigureAwait(false);
            await device.ReadAsync(offset, then.AsMemory(0, length), CancellationToken.None).ConfigureAwait(false);
            if (!now.AsSpan(0, length).SequenceEqual(then.AsSpan(0, length)) && !DirtyBlocks(disk, bitmap.SetId)[block])
            {
                return offset;
            }
        }

        return null;
    }

    private static DirtyBitmap DirtyBlocks(TrackedDisk disk, ulong set)
    {
        var dirty = new DirtyBitmap(disk.Definition.Geometry);
        foreach (var extent in disk.Extents(set))
        {
            dirty.MarkBytes(extent.Offset, extent.Length);
        }

        return dirty;
    }
}
