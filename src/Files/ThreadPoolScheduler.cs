namespace ActorBackup.Files;

/// <summary>Runs posted work on the .NET thread pool, which adds threads while work blocks.</summary>
public sealed class ThreadPoolScheduler : IScheduler
{
    public static ThreadPoolScheduler Instance { get; } = new();

    public void Post(Action work) => ThreadPool.UnsafeQueueUserWorkItem(static w => w(), work, preferLocal: false);
}
