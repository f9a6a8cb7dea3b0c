namespace ActorBackup.Nbd.Server;

/// <summary>Finds clients that hold memory which another one waits for and neither send nor take what they have begun, and cuts them.</summary>
/// <remarks>Only clients are to blame that are waited for: whoever waits for a slow device is let alone.</remarks>
internal sealed class StallWatch
{
    private readonly NbdServer _server;
    private readonly Connection _waiter;
    private Dictionary<Connection, long> _seen;
    private long _lookedAt;

    public StallWatch(NbdServer server, Connection waiter)
    {
        _server = server;
        _waiter = waiter;
        _seen = Stalled();
        _lookedAt = Environment.TickCount64;
    }

    /// <summary>How long until it is worth looking again.</summary>
    public TimeSpan NextLook => TimeSpan.FromMilliseconds(Math.Max(1, _server.Options.StallPatience.TotalMilliseconds - (Environment.TickCount64 - _lookedAt)));

    /// <summary>When the patience is over, cuts those that still wait for what they waited for at the last look.</summary>
    public void Look()
    {
        if (Environment.TickCount64 - _lookedAt < _server.Options.StallPatience.TotalMilliseconds)
        {
            return;
        }

        var now = Stalled();
        foreach (var (connection, _) in now.Where(c => _seen.TryGetValue(c.Key, out var mark) && mark == c.Value))
        {
            connection.Abort();
        }

        _seen = now;
        _lookedAt = Environment.TickCount64;
    }

    private Dictionary<Connection, long> Stalled() =>
        _server.ConnectionsNow().Where(c => c != _waiter).Select(c => (Connection: c, Mark: c.StallMark)).Where(c => c.Mark != 0).ToDictionary(c => c.Connection, c => c.Mark);
}
