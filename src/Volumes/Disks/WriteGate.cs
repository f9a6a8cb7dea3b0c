using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Volumes.Scheduling;

namespace ActorBackup.Volumes.Disks;

/// <summary>Counts writes in flight, and can hold new ones and wait for the others: the drain behind every instant.</summary>
/// <remarks>
/// One int: the sign bit = held, the rest = writes inside. A write that finds the gate held takes its count back and waits; so the count may flicker
/// while held, but reaches zero only when no write is inside, and none gets in after that. Holds nest.
/// </remarks>
internal sealed class WriteGate(IScheduler scheduler)
{
    private const int Held = int.MinValue;

    private readonly Lock _lock = new();
    private int _state;
    private int _holds;
    private bool _closed;
    private TaskCompletionSource? _drained;
    private SharedEnd? _resumed;

    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _state) > 0)
        {
            return true;
        }

        Exit();
        return false;
    }

    public void Exit()
    {
        if (Interlocked.Decrement(ref _state) == Held)
        {
            SignalDrained();
        }
    }

    /// <summary>Completes when entering is worth another try.</summary>
    /// <exception cref="BlockDeviceException">The disk is closed.</exception>
    public Task WaitAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_closed)
            {
                throw new BlockDeviceException(BlockDeviceError.ShuttingDown, "The disk is closed.");
            }

            return _holds == 0 ? Task.CompletedTask : _resumed!.Join().WaitAsync(cancellation);
        }
    }

    /// <summary>Lets no write in. Completes when none is inside.</summary>
    public Task HoldAsync()
    {
        lock (_lock)
        {
            if (_holds++ == 0)
            {
                _resumed = new SharedEnd();
                Interlocked.Or(ref _state, Held);
            }

            if (Volatile.Read(ref _state) == Held)
            {
                return Task.CompletedTask;
            }

            _drained ??= new TaskCompletionSource();
            return _drained.Task;
        }
    }

    public void Release()
    {
        SharedEnd? resumed = null;
        lock (_lock)
        {
            if (--_holds == 0)
            {
                Interlocked.And(ref _state, ~Held);
                resumed = _resumed;
            }
        }

        if (resumed is not null)
        {
            scheduler.Post(() => resumed.End());
        }
    }

    /// <summary>Held for ever: who waits is told that the disk is closed. The caller has a hold.</summary>
    public void Close()
    {
        SharedEnd resumed;
        lock (_lock)
        {
            _closed = true;
            resumed = _resumed!;
        }

        scheduler.Post(() => resumed.End());
    }

    /// <summary>Somebody saw the count at zero, perhaps a while ago.</summary>
    internal void SignalDrained()
    {
        TaskCompletionSource? drained;
        lock (_lock)
        {
            // A release, a write and another hold may lie between: that hold's write signals itself.
            if (Volatile.Read(ref _state) != Held)
            {
                return;
            }

            drained = _drained;
            _drained = null;
        }

        if (drained is not null)
        {
            scheduler.Post(drained.SetResult);
        }
    }
}
