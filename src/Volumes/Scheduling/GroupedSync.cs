using ActorBackup.Files;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Scheduling;

/// <summary>Makes one sync serve everybody who asked before it began.</summary>
/// <remarks>
/// A failed sync is remembered for ever (rule 3): the kernel reports a lost page once and calls it clean afterwards, so a later sync that succeeds
/// proves nothing about what was written before.
/// </remarks>
internal sealed class GroupedSync(IScheduler scheduler, Action sync, Action<VolumeException> onFailure, TrackingGuards guards)
{
    private readonly Lock _lock = new();
    private SharedEnd? _next;
    private bool _active;
    private VolumeException? _failure;

    public VolumeException? Failure => Volatile.Read(ref _failure);

    public Task SyncAsync()
    {
        if (Failure is { } failure)
        {
            return Task.FromException(failure);
        }

        Task joined;
        lock (_lock)
        {
            joined = (_next ??= new SharedEnd()).Join();
            if (_active)
            {
                return joined;
            }

            _active = true;
        }

        scheduler.Post(Run);
        return joined;
    }

    private void Run()
    {
        SharedEnd batch;
        lock (_lock)
        {
            batch = _next!;
            _next = null;
        }

        var failure = Failure ?? TrySync();
        bool more;
        lock (_lock)
        {
            more = _next is not null;
            _active = more;
        }

        if (more)
        {
            scheduler.Post(Run);
        }

        batch.End(failure);
    }

    private VolumeException? TrySync()
    {
        try
        {
            sync();
            return null;
        }
        catch (ObjectDisposedException e)
        {
            return new VolumeException(VolumeError.Closed, "The disk was closed before its backing could be synced.", e);
        }
        catch (FileLayerException e)
        {
            var failure = new VolumeException(
                VolumeError.SyncFailed,
                $"{e.Message}. Writes that were accepted before may be lost; check the device, then take a full backup.",
                e);
            if (!guards.RememberFailedSync)
            {
                return failure;
            }

            Volatile.Write(ref _failure, failure);
            onFailure(failure);
            return failure;
        }
    }
}
