using ActorBackup.Storage.Restoring;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Actors.Storage;

/// <summary>A block device, or somebody else's NBD export. What is to be zero is zeroed without looking: devices do not say where they are.</summary>
internal sealed class BackingTarget(IBacking backing) : IRestoreTarget
{
    public bool LooksBeforeZeroing => false;

    public ValueTask<(long Start, long End)> NextDataAsync(long offset, CancellationToken cancellation) => ValueTask.FromResult(backing.NextData(offset));

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) => backing.ReadAsync(offset, buffer);

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation) => backing.WriteAsync(offset, data);

    public ValueTask ZeroAsync(long offset, long length, CancellationToken cancellation) => backing.PunchAsync(offset, length);

    public ValueTask FlushAsync(CancellationToken cancellation)
    {
        backing.Sync();
        return ValueTask.CompletedTask;
    }
}
