using ActorBackup.Files;

namespace ActorBackup.Volumes.Scheduling;

/// <summary>Lets one command at a time through, first come first served. Waiters resume on posted work.</summary>
/// <remarks>SemaphoreSlim would resume its waiters on the thread pool, which a single-threaded simulation cannot order.</remarks>
internal sealed class AsyncLock(IScheduler scheduler)
{
    private readonly Queue<TaskCompletionSource> _waiters = new();
    private readonly Lock _lock = new();
    private bool _taken;

    public async ValueTask<Holder> EnterAsync()
    {
        TaskCompletionSource? turn = null;
        lock (_lock)
        {
            if (_taken)
            {
                turn = new TaskCompletionSource();
                _waiters.Enqueue(turn);
            }

            _taken = true;
        }

        if (turn is not null)
        {
            await turn.Task.ConfigureAwait(false);
        }

        return new Holder(this);
    }

    /// <summary>Takes the lock if nobody has it.</summary>
    public bool TryEnter(out Holder holder)
    {
        lock (_lock)
        {
            holder = new Holder(this);
            return !_taken && (_taken = true);
        }
    }

    private void Exit()
    {
        TaskCompletionSource? next;
        lock (_lock)
        {
            _taken = _waiters.TryDequeue(out next);
        }

        if (next is not null)
        {
            scheduler.Post(next.SetResult);
        }
    }

    public readonly struct Holder(AsyncLock owner) : IDisposable
    {
        public void Dispose() => owner.Exit();
    }
}
