namespace ActorBackup.Nbd.Server;

/// <summary>Payload bytes that all connections of a server hold together.</summary>
/// <remarks>
/// What a connection holds up to its floor is counted and never refused, so that clients who hold much and take nothing cannot stop
/// others; the rest is refused beyond the limit. All of it is at most the limit and a floor and one small request for every connection.
/// </remarks>
internal sealed class PayloadBudget(long bytesMax)
{
    private readonly object _gate = new();
    private long _bytes;
    private int _waiting;

    public bool IsFull => Volatile.Read(ref _bytes) >= bytesMax;

    public long Bytes => Volatile.Read(ref _bytes);

    public void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <returns>False when there is no room. What alone is larger than the limit has room when nothing else is held.</returns>
    public bool TryAdd(long bytes)
    {
        while (true)
        {
            var held = Volatile.Read(ref _bytes);
            if (held > 0 && held + bytes > bytesMax)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _bytes, held + bytes, held) == held)
            {
                return true;
            }
        }
    }

    public void Remove(long bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        if (Volatile.Read(ref _waiting) > 0)
        {
            Wake();
        }
    }

    /// <summary>Lets everybody who waits look again.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until the condition may have become true, or for this long.</summary>
    public void Wait(Func<bool> condition, TimeSpan limit)
    {
        lock (_gate)
        {
            Interlocked.Increment(ref _waiting);
            if (!condition())
            {
                Monitor.Wait(_gate, limit);
            }

            Interlocked.Decrement(ref _waiting);
        }
    }
}
