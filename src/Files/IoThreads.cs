namespace ActorBackup.Files;

/// <summary>Runs posted work on threads of its own, so that a sync that takes seconds never keeps actors or HTTP from running.</summary>
/// <remarks>
/// The thread pool adds a thread about twice a second when all of its threads block; a guest's write that waits for its intent would wait for that. Here a
/// thread is added at once when work is queued and nobody is idle, up to <see cref="ThreadsMax"/>; beyond that work waits its turn. Idle threads end
/// after a while. What is posted in the background has threads of its own, fewer and of low priority, so that it takes no processor from a guest.
/// Continuations of awaited work run on these threads too, so whoever awaits must not wait for anything but files.
/// </remarks>
public sealed class IoThreads : IScheduler
{
    /// <summary>Enough to keep every device busy while some of them hang.</summary>
    public const int ThreadsMax = 64;

    /// <summary>Of the threads that work in the background.</summary>
    public const int BackgroundThreadsMax = 8;

    private const int BackgroundNice = 10;
    private const int StackBytes = 1024 * 1024;

    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);

    private readonly object _gate = new();
    private readonly Queue<Action> _work = new();
    private int _threads;
    private int _idle;

    private readonly IoThreads? _background;
    private readonly int _threadsMax;

    private IoThreads(int threadsMax, IoThreads? background)
    {
        (_threadsMax, _background) = (threadsMax, background);
    }

    public static IoThreads Instance { get; } = new(ThreadsMax, new IoThreads(BackgroundThreadsMax, null));

    public void PostInBackground(Action work) => _background!.Post(work);

    public void Post(Action work)
    {
        lock (_gate)
        {
            _work.Enqueue(work);

            // An idle thread that was woken for earlier work still counts as idle until it has run.
            if (_work.Count <= _idle)
            {
                Monitor.Pulse(_gate);
                return;
            }

            if (_threads == _threadsMax)
            {
                return;
            }

            _threads++;
        }

        new Thread(Run, StackBytes) { IsBackground = true, Name = "disk i/o" }.Start();
    }

    private void Run()
    {
        if (_background is null)
        {
            // Of this thread; without the right to it the work goes on all the same.
            _ = Libc.SetPriority(Libc.PrioProcess, 0, BackgroundNice);
        }

        while (TryTake(out var work))
        {
            work();
        }
    }

    private bool TryTake(out Action work)
    {
        lock (_gate)
        {
            while (!_work.TryDequeue(out work!))
            {
                _idle++;
                var isWoken = Monitor.Wait(_gate, Linger);
                _idle--;
                if (!isWoken && _work.Count == 0)
                {
                    _threads--;
                    return false;
                }
            }

            return true;
        }
    }
}
