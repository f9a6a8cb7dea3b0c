using ActorBackup.Api;

namespace ActorBackup.Cli.Output;

/// <summary>A line now and then and at every change of state, for logs.</summary>
public sealed class SparseJobView(TextWriter log, TimeProvider clock, ProgressRate rate) : IJobView
{
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(5);

    private long _lastAt = clock.GetTimestamp();
    private (string, string?)? _lastState;

    public TimeSpan Period => TimeSpan.FromSeconds(1);

    public ValueTask ShowAsync(JobResource job)
    {
        rate.Add(job.BytesDone);
        var state = (job.Status, job.Phase);
        if (state == _lastState && clock.GetElapsedTime(_lastAt) < Between)
        {
            return ValueTask.CompletedTask;
        }

        _lastState = state;
        _lastAt = clock.GetTimestamp();
        log.WriteLine(JobText.Progress(job, rate));
        return ValueTask.CompletedTask;
    }

    public void End(JobResource job)
    {
        // The command prints the job itself.
    }
}
