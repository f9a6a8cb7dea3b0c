namespace ActorBackup.Actors.Jobs;

/// <summary>Spreads a job's reads over time. Zero = unlimited. The rate may change while workers wait; it counts for them at once.</summary>
/// <remarks>
/// Takers are served in order: each reserves the bytes behind those of the one before, and waits until the rate gets there. That is computed from
/// the last change of the rate on, so that timers which fire late do not add up. Whoever was idle for long catches up with no more than
/// <see cref="CatchUp"/>.
/// </remarks>
public sealed class RateLimit
{
    /// <summary>More than timers and reads are late.</summary>
    private static readonly TimeSpan CatchUp = TimeSpan.FromMilliseconds(100);

    /// <summary>A timer of a fraction of this fires at once: who waited for it would only turn round.</summary>
    private static readonly TimeSpan TimerUnit = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private readonly TimeProvider _clock;
    private long _bytesPerSecond;

    /// <summary>Bytes that takers have reserved, those who wait included.</summary>
    private double _reserved;

    /// <summary>When the rate was set, and how many bytes it had let go by then.</summary>
    private long _since;
    private double _bytesThen;

    private TaskCompletionSource _changed = NewSignal();

    public RateLimit(TimeProvider clock, long bytesPerSecond)
    {
        (_clock, _bytesPerSecond, _since) = (clock, bytesPerSecond, clock.GetTimestamp());
    }

    public long BytesPerSecond => Volatile.Read(ref _bytesPerSecond);

    public void Set(long bytesPerSecond)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            var now = _clock.GetTimestamp();

            // Without a rate nobody reserves, and nobody has to catch up.
            _bytesThen = _bytesPerSecond > 0 ? Math.Min(BytesAt(now), _reserved) : _reserved;
            _since = now;
            Volatile.Write(ref _bytesPerSecond, bytesPerSecond);
            (changed, _changed) = (_changed, NewSignal());
        }

        changed.SetResult();
    }

    /// <summary>Waits until the bytes may be read. What a taker reserved who is cancelled counts as read.</summary>
    public async ValueTask TakeAsync(long bytes, CancellationToken cancellation)
    {
        double? mine = null;
        while (true)
        {
            TimeSpan wait;
            Task changed;
            lock (_lock)
            {
                if (_bytesPerSecond <= 0)
                {
                    return;
                }

                var now = _clock.GetTimestamp();
                mine ??= Reserve(bytes, now);
                wait = TimeSpan.FromSeconds(Math.Min(LongestTimer.TotalSeconds, (mine.Value - BytesAt(now)) / _bytesPerSecond));
                if (wait <= TimeSpan.Zero)
                {
                    return;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(wait > TimerUnit ? wait : TimerUnit, _clock, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Returns where the bytes begin.</summary>
    private double Reserve(long bytes, long now)
    {
        var begin = Math.Max(_reserved, BytesAt(now) - (CatchUp.TotalSeconds * _bytesPerSecond));
        _reserved = begin + bytes;
        return begin;
    }

    private double BytesAt(long now) => _bytesThen + (_clock.GetElapsedTime(_since, now).TotalSeconds * _bytesPerSecond);
}
