namespace ActorBackup.Actors.Jobs;

/// <summary>Spreads a job's reads over time. Zero = unlimited. The rate may change while workers wait; they notice within 100 ms.</summary>
/// <remarks>Time is handed out in order: each taker reserves the span that its bytes need and waits until its span begins.</remarks>
public sealed class RateLimit(TimeProvider clock, long bytesPerSecond)
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private long _bytesPerSecond = bytesPerSecond;
    private long _nextStart;

    public long BytesPerSecond => Volatile.Read(ref _bytesPerSecond);

    public void Set(long bytesPerSecond)
    {
        lock (_lock)
        {
            Volatile.Write(ref _bytesPerSecond, bytesPerSecond);
            _nextStart = 0;
        }
    }

    public async ValueTask TakeAsync(long bytes, CancellationToken cancellation)
    {
        while (true)
        {
            TimeSpan wait;
            lock (_lock)
            {
                var rate = _bytesPerSecond;
                if (rate <= 0)
                {
                    return;
                }

                var now = clock.GetTimestamp();
                if (_nextStart <= now)
                {
                    _nextStart = now + (long)((double)bytes / rate * clock.TimestampFrequency);
                    return;
                }

                wait = clock.GetElapsedTime(now, _nextStart);
            }

            await Task.Delay(wait < Step ? wait : Step, clock, cancellation).ConfigureAwait(false);
        }
    }
}
