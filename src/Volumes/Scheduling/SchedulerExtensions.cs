using ActorBackup.Files;

namespace ActorBackup.Volumes.Scheduling;

internal static class SchedulerExtensions
{
    /// <summary>Runs work that may block; the task completes on the posted stack, with the work's failure if it threw.</summary>
    public static Task RunAsync(this IScheduler scheduler, Action work)
    {
        var done = new TaskCompletionSource();
        scheduler.Post(() =>
        {
            Exception? failure = null;
            try
            {
                work();
            }
            catch (Exception e)
            {
                failure = e;
            }

            if (failure is null)
            {
                done.SetResult();
            }
            else
            {
                done.SetException(failure);
            }
        });
        return done.Task;
    }
}
