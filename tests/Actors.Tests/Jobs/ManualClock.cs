namespace ActorBackup.Actors.Tests.Jobs;

/// <summary>Time that stands still until it is told to go on; timers fire in order on the caller's thread.</summary>
internal sealed class ManualClock : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => _now;

    /// <summary>How often somebody asked for the time.</summary>
    public int Looks { get; private set; }

    public override long GetTimestamp()
    {
        lock (_lock)
        {
            Looks++;
            return _now.Ticks;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        lock (_lock)
        {
            _timers.Add(timer);
        }

        return timer;
    }

    public void Advance(TimeSpan by)
    {
        var end = _now + by;
        while (NextDue(end) is { } timer)
        {
            _now = timer.Due > _now ? timer.Due.Value : _now;
            timer.Fire();
        }

        _now = end;
    }

    /// <summary>Time goes on and no timer fires, as while the machine is busy with others. The next <see cref="Advance"/> fires those that are late.</summary>
    public void Jump(TimeSpan by) => _now += by;

    /// <summary>Completes when so many timers are set.</summary>
    public async Task AwaitTimersAsync(int count)
    {
        while (SetTimers() != count)
        {
            await Task.Yield();
        }
    }

    /// <summary>Advances step by step until the task has ended; what a timer sets free runs between the steps.</summary>
    public async Task AdvanceUntilAsync(Task task, TimeSpan step)
    {
        while (!task.IsCompleted)
        {
            if (SetTimers() > 0)
            {
                Advance(step);
            }

            await Task.Yield();
        }

        await task;
    }

    private int SetTimers()
    {
        lock (_lock)
        {
            return _timers.Count(t => t.Due is not null);
        }
    }

    private Timer? NextDue(DateTimeOffset end)
    {
        lock (_lock)
        {
            return _timers.Where(t => t.Due <= end).MinBy(t => t.Due);
        }
    }

    private sealed class Timer(ManualClock clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        public DateTimeOffset? Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime < TimeSpan.Zero ? null : clock._now + dueTime;
            _period = period;
            return true;
        }

        public void Fire()
        {
            Due = _period > TimeSpan.Zero ? clock._now + _period : null;
            callback(state);
        }

        public void Dispose()
        {
            lock (clock._lock)
            {
                clock._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
