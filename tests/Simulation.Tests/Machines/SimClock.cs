namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>Time of one process: it passes when the simulation says so, from timer to timer.</summary>
internal sealed class SimClock(Machine machine, SimScheduler scheduler) : TimeProvider
{
    private readonly List<Timer> _timers = [];
    private long _created;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => machine.Now;

    public override long GetTimestamp() => machine.Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state, _created++);
        timer.Change(dueTime, period);
        _timers.Add(timer);
        return timer;
    }

    public Task Delay(TimeSpan time)
    {
        var over = new TaskCompletionSource();
        ITimer? timer = null;
        timer = CreateTimer(
            _ =>
            {
                timer!.Dispose();
                scheduler.Post(over.SetResult);
            },
            null,
            time,
            Timeout.InfiniteTimeSpan);
        return over.Task;
    }

    /// <summary>Goes to the next moment at which something is due. False = nothing ever is.</summary>
    public bool Advance()
    {
        var next = _timers.Where(t => t.Due is not null).OrderBy(t => t.Due).ThenBy(t => t.Number).FirstOrDefault();
        if (next is null)
        {
            return false;
        }

        machine.Now = next.Due!.Value > machine.Now ? next.Due.Value : machine.Now;
        next.Fire();
        return true;
    }

    private sealed class Timer(SimClock clock, TimerCallback callback, object? state, long number) : ITimer
    {
        private TimeSpan _period;

        public long Number { get; } = number;

        public DateTimeOffset? Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime < TimeSpan.Zero ? null : clock.GetUtcNow() + dueTime;
            _period = period;
            return true;
        }

        public void Fire()
        {
            Due = _period > TimeSpan.Zero ? clock.GetUtcNow() + _period : null;
            callback(state);
        }

        public void Dispose() => clock._timers.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
