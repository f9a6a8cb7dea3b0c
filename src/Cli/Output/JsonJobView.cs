using ActorBackup.Api;

namespace ActorBackup.Cli.Output;

/// <summary>JSON lines: the job whenever it changed, at most once a second, and at the end once more.</summary>
public sealed class JsonJobView(TextWriter output) : IJobView
{
    private string? _last;

    public TimeSpan Period => TimeSpan.FromSeconds(1);

    public ValueTask ShowAsync(JobResource job)
    {
        var line = JsonLine.Of(job, ApiJson.Default.JobResource);
        if (line != _last)
        {
            _last = line;
            output.WriteLine(line);
        }

        return ValueTask.CompletedTask;
    }

    public void End(JobResource job) => output.WriteLine(JsonLine.Of(job, ApiJson.Default.JobResource));
}
