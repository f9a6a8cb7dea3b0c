using ActorBackup.Core.Bitmaps;

namespace ActorBackup.Volumes.Disks;

/// <summary>Which blocks of a disk were written since the watch began. Of this process only, and no bitmap: commands do not see it.</summary>
public sealed class WriteWatch : IAsyncDisposable
{
    private readonly Func<WriteWatch, Task> _end;

    internal WriteWatch(DirtyBitmap written, Func<WriteWatch, Task> end)
    {
        Written = written;
        _end = end;
    }

    /// <summary>One bit per block. A bit is set before its bytes are: a block whose bit is clear after it was read had not been written when it was.</summary>
    public DirtyBitmap Written { get; }

    public async ValueTask DisposeAsync() => await _end(this).ConfigureAwait(false);
}
