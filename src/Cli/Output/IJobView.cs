using ActorBackup.Api;

namespace ActorBackup.Cli.Output;

/// <summary>Where a waiting command shows how its job goes.</summary>
public interface IJobView
{
    /// <summary>How long the node may take to answer before the view wants news anyway.</summary>
    TimeSpan Period { get; }

    ValueTask ShowAsync(JobResource job);

    /// <summary>The last news: the job ended, needs a person, or nobody waits any more.</summary>
    void End(JobResource job);
}
