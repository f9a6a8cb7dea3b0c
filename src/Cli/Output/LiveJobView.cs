using ActorBackup.Api;

namespace ActorBackup.Cli.Output;

/// <summary>One line on a terminal, drawn over itself.</summary>
public sealed class LiveJobView(TextWriter terminal, int width, ProgressRate rate) : IJobView
{
    private const string EraseLine = "\r\u001b[K";

    public TimeSpan Period => TimeSpan.FromMilliseconds(250);

    public ValueTask ShowAsync(JobResource job)
    {
        rate.Add(job.BytesDone);
        terminal.Write(EraseLine + JobText.Progress(job, rate, width));
        terminal.Flush();
        return ValueTask.CompletedTask;
    }

    public void End(JobResource job)
    {
        terminal.Write(EraseLine);
        terminal.Flush();
    }
}
