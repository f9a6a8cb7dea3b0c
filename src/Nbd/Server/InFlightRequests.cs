namespace ActorBackup.Nbd.Server;

/// <summary>The requests of one connection that wait for the device or for their reply to be sent: counted, bounded, and reused.</summary>
/// <remarks>A connection has its own bounds and takes part in the server's budget.</remarks>
internal sealed class InFlightRequests(int requestsMax, long bytesMax, PayloadBudget budget)
{
    /// <summary>What a connection may hold however much others do.</summary>
    public const long FloorBytes = 256 * 1024;

    private const int KeptMax = 32;

    private readonly object _gate = new();
    private readonly Stack<PendingRequest> _free = new();
    private int _requests;
    private long _bytes;
    private bool _isAwaited;

    /// <summary>No further request may start now.</summary>
    public bool IsFull => IsOwnFull || (HeldBytes >= FloorBytes && budget.IsFull);

    /// <summary>Payload that the connection holds now.</summary>
    public long HeldBytes => Volatile.Read(ref _bytes);

    private bool IsOwnFull => Volatile.Read(ref _requests) >= requestsMax || HeldBytes >= bytesMax;

    /// <summary>Waits for the connection's own bounds, not for the server's.</summary>
    public void AwaitOwnRoom()
    {
        lock (_gate)
        {
            while (IsOwnFull)
            {
                Await();
            }
        }
    }

    /// <summary>Takes room for a payload before there is a buffer for it.</summary>
    /// <returns>False when the server has none.</returns>
    public bool TryReserve(long bytes)
    {
        if (!budget.TryAdd(bytes))
        {
            return false;
        }

        lock (_gate)
        {
            _bytes += bytes;
        }

        return true;
    }

    /// <summary>Gives back what was reserved.</summary>
    public void Release(long bytes)
    {
        lock (_gate)
        {
            _bytes -= bytes;
        }

        budget.Remove(bytes);
    }

    /// <summary>Waits until every request has ended and its reply was sent or dropped.</summary>
    public void AwaitNone()
    {
        lock (_gate)
        {
            while (_requests > 0)
            {
                Await();
            }
        }
    }

    /// <param name="owner">Of a request that is made.</param>
    /// <param name="bytes">What it holds.</param>
    /// <param name="isReserved">That was reserved.</param>
    public PendingRequest Begin(Transmission owner, long bytes, bool isReserved)
    {
        if (!isReserved)
        {
            budget.Add(bytes);
        }

        lock (_gate)
        {
            _requests++;
            _bytes += isReserved ? 0 : bytes;
            return _free.TryPop(out var request) ? request : new PendingRequest(owner);
        }
    }

    public void End(PendingRequest request, long bytes)
    {
        lock (_gate)
        {
            _requests--;
            _bytes -= bytes;
            if (_free.Count < KeptMax)
            {
                _free.Push(request);
            }

            if (_isAwaited)
            {
                Monitor.PulseAll(_gate);
            }
        }

        budget.Remove(bytes);
    }

    private void Await()
    {
        _isAwaited = true;
        Monitor.Wait(_gate);
        _isAwaited = false;
    }
}
