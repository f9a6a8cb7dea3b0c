using ActorBackup.Files;
using ActorBackup.Storage.Restoring;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Actors.Storage;

/// <summary>A block device, or somebody else's NBD export. What is to be zero is zeroed without looking: devices do not say where they are.</summary>
/// <remarks>What may wait for a device does so on threads that are there for it: actors share the thread pool.</remarks>
internal sealed class BackingTarget(IBacking backing, IScheduler io) : IRestoreTarget
{
    public bool LooksBeforeZeroing => false;

    public async ValueTask<(long Start, long End)> NextDataAsync(long offset, long limit, CancellationToken cancellation)
    {
        var data = (0L, 0L);
        await RunAsync(() => data = backing.NextData(offset, limit)).ConfigureAwait(false);
        return data;
    }

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        backing.IsRemote ? backing.ReadAsync(offset, buffer) : RunAsync(() => backing.Read(offset, buffer.Span));

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation) =>
        backing.IsRemote ? backing.WriteAsync(offset, data) : RunAsync(() => backing.Write(offset, data.Span));

    public ValueTask ZeroAsync(long offset, long length, CancellationToken cancellation) =>
        backing.IsRemote ? backing.PunchAsync(offset, length) : RunAsync(() => backing.Punch(offset, length));

    public ValueTask FlushAsync(CancellationToken cancellation) => RunAsync(backing.Sync);

    private ValueTask RunAsync(Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        io.Post(() =>
        {
            try
            {
                work();
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return new ValueTask(done.Task);
    }
}
