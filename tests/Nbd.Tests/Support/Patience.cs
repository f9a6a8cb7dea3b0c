namespace ActorBackup.Nbd.Tests.Support;

/// <summary>How long a test waits for what must happen before it fails; nothing passes by waiting.</summary>
internal static class Patience
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static Task InTime(this Task task) => task.WaitAsync(Limit);

    public static Task<T> InTime<T>(this Task<T> task) => task.WaitAsync(Limit);

    public static Task InTime(this ValueTask task) => task.AsTask().InTime();

    public static Task<T> InTime<T>(this ValueTask<T> task) => task.AsTask().InTime();

    /// <summary>Waits for a condition that nothing announces.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!condition())
        {
            await Task.Delay(1, limit.Token);
        }
    }
}
