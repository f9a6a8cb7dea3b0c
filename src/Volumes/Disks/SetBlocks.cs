using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Volumes.Disks;

/// <summary>A bitmap of a disk, read by NBD clients while guests write. Equal when disk and set are the same.</summary>
internal sealed record SetBlocks(TrackedDisk Disk, ulong SetId) : IDirtyBlocks
{
    public DirtyBitmap Now() =>
        Disk.TrustedBits(SetId) ?? throw new BlockDeviceException(BlockDeviceError.InputOutput, "The bitmap is gone, or its bits cannot be trusted any more.");
}
