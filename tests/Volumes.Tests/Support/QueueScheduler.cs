using ActorBackup.Files;

namespace ActorBackup.Volumes.Tests.Support;

/// <summary>Posted work on the test's own thread, in order: with it and a manual clock a disk does nothing by itself.</summary>
internal sealed class QueueScheduler : IScheduler
{
    private readonly Queue<Action> _work = new();

    public void Post(Action work) => _work.Enqueue(work);

    /// <summary>Until nothing is posted any more.</summary>
    public void RunAll()
    {
        // Under a context of the test framework continuations would go to other threads.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            while (_work.TryDequeue(out var work))
            {
                work();
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>Runs posted work until the task has ended.</summary>
    public void Run(Task task)
    {
        RunAll();
        Assert.True(task.IsCompleted, "The task waits for something that nobody posted.");
        task.GetAwaiter().GetResult();
    }

    public T Run<T>(Task<T> task)
    {
        Run((Task)task);
        return task.Result;
    }
}
