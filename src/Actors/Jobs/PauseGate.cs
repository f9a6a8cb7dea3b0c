namespace ActorBackup.Actors.Jobs;

/// <summary>Holds a job's workers while it is paused. Passing an open gate costs one read.</summary>
public sealed class PauseGate
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _closed;

    public bool IsPaused => Volatile.Read(ref _closed) is not null;

    public void Pause()
    {
        lock (_lock)
        {
            _closed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Resume()
    {
        lock (_lock)
        {
            _closed?.TrySetResult();
            _closed = null;
        }
    }

    public ValueTask PassAsync(CancellationToken cancellation)
    {
        var closed = Volatile.Read(ref _closed);
        return closed is null ? ValueTask.CompletedTask : new ValueTask(closed.Task.WaitAsync(cancellation));
    }
}
