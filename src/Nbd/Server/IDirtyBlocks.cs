using ActorBackup.Core.Blocks;
using ActorBackup.Core.Bitmaps;

namespace ActorBackup.Nbd.Server;

/// <summary>Where a <see cref="DirtyBitmapContext"/> gets its bits from.</summary>
public interface IDirtyBlocks
{
    /// <summary>As they are now; others may go on marking. The caller only reads, and does not keep it.</summary>
    /// <exception cref="BlockDeviceException">There are none any more, or they cannot be trusted.</exception>
    DirtyBitmap Now();
}
