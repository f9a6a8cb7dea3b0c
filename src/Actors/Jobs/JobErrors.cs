using ActorBackup.Core.Jobs;
using ActorBackup.Messages;

namespace ActorBackup.Actors.Jobs;

/// <summary>What comes of one error.</summary>
public enum ErrorVerdict
{
    Fail,
    Skip,
    Retry,
}

/// <summary>Applies a job's error policies: fails it, goes on, or pauses it until a person resumes it.</summary>
public sealed class JobErrors(ErrorPolicy onSource, ErrorPolicy onTarget, JobControl control, TimeProvider clock)
{
    private const int TargetTriesMax = 120;

    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan BackOffMax = TimeSpan.FromSeconds(5);

    /// <summary>The source failed at one block, in each of a few tries. Waits while the job is stopped.</summary>
    /// <exception cref="OperationCanceledException">The job ended meanwhile.</exception>
    public async ValueTask<ErrorVerdict> OnSourceAsync(Refusal why, CancellationToken cancellation)
    {
        switch (onSource.ActionOn(why.Code == RefusalCode.NoSpace))
        {
            case ErrorAction.Ignore:
                return ErrorVerdict.Skip;
            case ErrorAction.Stop:
                await StopAsync(why, cancellation).ConfigureAwait(false);
                return ErrorVerdict.Retry;
            default:
                return ErrorVerdict.Fail;
        }
    }

    /// <summary>The repository failed. Waits while the job is stopped, and between the tries of a job that ignores such errors.</summary>
    /// <param name="why">The error.</param>
    /// <param name="failureCount">In a row, this one included. Even a job that ignores errors fails after so many that ten minutes went by.</param>
    /// <param name="cancellation">The job ended.</param>
    /// <exception cref="OperationCanceledException">The job ended meanwhile.</exception>
    public async ValueTask<ErrorVerdict> OnTargetAsync(Refusal why, int failureCount, CancellationToken cancellation)
    {
        switch (onTarget.ActionOn(why.Code == RefusalCode.NoSpace))
        {
            case ErrorAction.Ignore when failureCount <= TargetTriesMax:
                await Task.Delay(BackOff(failureCount), clock, cancellation).ConfigureAwait(false);
                return ErrorVerdict.Retry;
            case ErrorAction.Stop:
                await StopAsync(why, cancellation).ConfigureAwait(false);
                return ErrorVerdict.Retry;
            default:
                return ErrorVerdict.Fail;
        }
    }

    private static TimeSpan BackOff(int failureCount) =>
        failureCount > 5 ? BackOffMax : FirstBackOff * Math.ScaleB(1, failureCount - 1);

    private async Task StopAsync(Refusal why, CancellationToken cancellation)
    {
        control.StopOn(why);
        await control.Gate.PassAsync(cancellation).ConfigureAwait(false);
    }
}
