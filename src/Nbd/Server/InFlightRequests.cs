namespace ActorBackup.Nbd.Server;

/// <summary>The requests of one connection that wait for the device or for their reply to be sent: counted, bounded, and reused.</summary>
internal sealed class InFlightRequests(int requestsMax, long bytesMax)
{
    private const int KeptMax = 32;

    private readonly object _gate = new();
    private readonly Stack<PendingRequest> _free = new();
    private int _requests;
    private long _bytes;
    private bool _isAwaited;

    /// <summary>No further request may start now.</summary>
    public bool IsFull => Volatile.Read(ref _requests) >= requestsMax || Volatile.Read(ref _bytes) >= bytesMax;

    public void AwaitRoom()
    {
        lock (_gate)
        {
            while (IsFull)
            {
                Await();
            }
        }
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

    public PendingRequest Begin(Transmission owner, long bytes)
    {
        lock (_gate)
        {
            _requests++;
            _bytes += bytes;
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
    }

    private void Await()
    {
        _isAwaited = true;
        Monitor.Wait(_gate);
        _isAwaited = false;
    }
}
