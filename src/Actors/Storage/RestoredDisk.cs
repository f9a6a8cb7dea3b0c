using ActorBackup.Storage.Restoring;

namespace ActorBackup.Actors.Storage;

/// <summary>A disk that a restore writes into, and whether it has begun to.</summary>
internal sealed class RestoredDisk(DeviceTarget disk) : IRestoreTarget
{
    private volatile bool _isTouched;

    public bool IsTouched => _isTouched;

    public bool LooksBeforeZeroing => disk.LooksBeforeZeroing;

    public ValueTask<(long Start, long End)> NextDataAsync(long offset, long limit, CancellationToken cancellation) => disk.NextDataAsync(offset, limit, cancellation);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) => disk.ReadAsync(offset, buffer, cancellation);

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        _isTouched = true;
        return disk.WriteAsync(offset, data, cancellation);
    }

    public ValueTask ZeroAsync(long offset, long length, CancellationToken cancellation)
    {
        _isTouched = true;
        return disk.ZeroAsync(offset, length, cancellation);
    }

    public ValueTask FlushAsync(CancellationToken cancellation) => disk.FlushAsync(cancellation);
}
