namespace ActorBackup.Volumes.Disks;

/// <summary>A disk that has everything ready for an instant: room, sets and scratch files. Guests write on; no other command is carried out until it is taken or given up.</summary>
/// <remarks>It gives itself up after a while, so that whoever armed it and died does not leave the disk without commands.</remarks>
public sealed class ArmedInstant : IAsyncDisposable
{
    private readonly Func<TimeSpan, Task<HeldWrites>> _hold;
    private readonly Func<Task> _giveUp;
    private readonly ITimer _patience;
    private int _ended;

    internal ArmedInstant(TimeProvider time, TimeSpan patience, Func<TimeSpan, Task<HeldWrites>> hold, Func<Task> giveUp)
    {
        (_hold, _giveUp) = (hold, giveUp);
        _patience = time.CreateTimer(_ => _ = DisposeAsync().AsTask(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _patience.Change(patience, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Holds writes. Once: after a failure everything was given up.</summary>
    /// <param name="limit">How long writes are held at most, and how long those in flight may take.</param>
    /// <exception cref="VolumeException">Writes in flight took too long, or it was held or given up before.</exception>
    public Task<HeldWrites> HoldAsync(TimeSpan limit)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            throw new VolumeException(VolumeError.Timeout, "The instant was not taken in time. Start the group again.");
        }

        _patience.Dispose();
        return _hold(limit);
    }

    /// <summary>Gives it up. Idempotent, and harmless once writes are held.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            await _patience.DisposeAsync().ConfigureAwait(false);
            await _giveUp().ConfigureAwait(false);
        }
    }
}
