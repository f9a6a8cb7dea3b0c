namespace ActorBackup.Simulation.Tests.Backups;

/// <summary>The time of a run, which asks for it once: right after it took its instant and before anything else runs.</summary>
internal sealed class InstantClock(TimeProvider clock, Action taken) : TimeProvider
{
    public override long TimestampFrequency => clock.TimestampFrequency;

    public override DateTimeOffset GetUtcNow()
    {
        taken();
        return clock.GetUtcNow();
    }

    public override long GetTimestamp() => clock.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => clock.CreateTimer(callback, state, dueTime, period);
}
