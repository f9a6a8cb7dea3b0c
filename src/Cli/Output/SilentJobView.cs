using ActorBackup.Api;

namespace ActorBackup.Cli.Output;

/// <summary>Shows nothing: YAML has one document, the final job.</summary>
public sealed class SilentJobView : IJobView
{
    public TimeSpan Period => TimeSpan.FromSeconds(5);

    public ValueTask ShowAsync(JobResource job) => ValueTask.CompletedTask;

    public void End(JobResource job)
    {
    }
}
