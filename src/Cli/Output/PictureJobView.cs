using ActorBackup.Api;

namespace ActorBackup.Cli.Output;

/// <summary>A line of figures and, where it changed, a strip of what is left to copy.</summary>
/// <param name="output">Where to draw.</param>
/// <param name="rate">Of this job.</param>
/// <param name="picture">The strip, or null when there is none.</param>
public sealed class PictureJobView(TextWriter output, ProgressRate rate, Func<JobResource, Task<string?>> picture) : IJobView
{
    private string? _last;

    public TimeSpan Period => TimeSpan.FromSeconds(1);

    public async ValueTask ShowAsync(JobResource job)
    {
        rate.Add(job.BytesDone);
        await output.WriteLineAsync(JobText.Progress(job, rate));
        if (await picture(job) is { } strip && strip != _last)
        {
            _last = strip;
            await output.WriteLineAsync(strip);
        }
    }

    public void End(JobResource job)
    {
        // The command prints the job itself.
    }
}
