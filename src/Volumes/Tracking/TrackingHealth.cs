using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Syncs the tracking file and knows whether it can still make anything durable. Once it cannot, it never can again (rule 3).</summary>
internal sealed class TrackingHealth(IFile file, Action<VolumeException> onFailure, TrackingGuards guards)
{
    private readonly Lock _lock = new();
    private VolumeException? _failure;

    public VolumeException? Failure => Volatile.Read(ref _failure);

    /// <summary>Null when everything written before is durable.</summary>
    /// <remarks>
    /// One sync at a time: the kernel reports a page that it could not write to one caller only, so of two syncs at once the other could take its own
    /// loss for success. Here it waits, and then finds the failure recorded.
    /// </remarks>
    public VolumeException? TrySync()
    {
        lock (_lock)
        {
            if (_failure is not null)
            {
                return _failure;
            }

            try
            {
                file.Sync();
                return null;
            }
            catch (FileLayerException e)
            {
                if (!guards.RememberFailedSync)
                {
                    return Describe(e);
                }

                Volatile.Write(ref _failure, Describe(e));
            }
        }

        onFailure(_failure);
        return _failure;
    }

    public void Sync()
    {
        if (TrySync() is { } failure)
        {
            throw failure;
        }
    }

    public void ThrowIfFailed()
    {
        if (Failure is { } failure)
        {
            throw new VolumeException(failure.Error, failure.Message, failure);
        }
    }

    private static VolumeException Describe(FileLayerException cause) =>
        new(
            VolumeError.SyncFailed,
            $"{cause.Message}. The tracking file can make nothing durable any more: bitmaps are inconsistent and writes to new regions fail. "
            + "Check the device that holds it, and restart the node.",
            cause);
}
