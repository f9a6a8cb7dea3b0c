namespace ActorBackup.Actors.Persistence;

internal static class EventTime
{
    /// <summary>Now, as precise as events keep it: what is told live must be what a replay tells.</summary>
    public static DateTimeOffset Now(this TimeProvider clock) => DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());
}
