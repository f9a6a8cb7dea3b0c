namespace ActorBackup.Volumes.Scheduling;

/// <summary>Something that ends once and that many wait for, each with a task of its own. Its owner's lock guards it until it ends.</summary>
/// <remarks>
/// Of several continuations of one task .NET runs one on the stack that completes it and sends the others to the thread pool. There a guest's write would
/// wait for a thread behind whatever else blocks the pool, and a single-threaded simulation could not order it.
/// </remarks>
internal sealed class SharedEnd
{
    private readonly List<TaskCompletionSource> _waiters = [];

    /// <summary>Completes when it ends. Nobody joins any more once it does.</summary>
    public Task Join()
    {
        var waiter = new TaskCompletionSource();
        _waiters.Add(waiter);
        return waiter.Task;
    }

    /// <summary>Runs who waits, one after the other. From posted work and outside of locks.</summary>
    public void End(Exception? failure = null)
    {
        foreach (var waiter in _waiters)
        {
            if (failure is null)
            {
                waiter.SetResult();
            }
            else
            {
                waiter.SetException(failure);
            }
        }
    }
}
