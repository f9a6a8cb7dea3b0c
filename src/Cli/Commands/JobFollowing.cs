using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary>What every command that starts a job does next: say so, or wait for the end and exit with the job's own result.</summary>
public static class JobFollowing
{
    public static Option<bool> WaitOption() =>
        new("--wait") { Description = "Wait for the end, show progress and exit with the job's result" };

    public static Option<string?> TimeoutOption() =>
        new("--timeout") { Description = "Stop waiting after this long, with exit code 5; the job goes on", HelpName = "S" };

    /// <summary>Of jobs that read a disk or a point.</summary>
    public static Option<string?> RateOption() =>
        new("--rate") { Description = "Bytes per second, such as 50M; 'abk job set-rate' changes it. Default: unlimited", HelpName = "R" };

    /// <summary>Prints the job as it is now.</summary>
    public static int Announce(Call call, JobResource job)
    {
        call.Results.Write(job, ApiJson.Default.JobResource, table => table.Line(JobText.Started(job)));
        return ExitCodes.Done;
    }

    /// <summary>Follows the job to its end. With JSON every line is the job, the last one its end.</summary>
    public static async Task<int> WaitAsync(Call call, string id, TimeSpan? timeout) =>
        End(call, await new JobWatch(call.Node, ViewOf(call), call.Host.Clock).FollowAsync(id, timeout, call.Cancellation));

    /// <summary>The same by the node's events, so that no change is missed, nor told twice, whatever becomes of the connection.</summary>
    public static async Task<int> WatchAsync(Call call, string id, Func<JobResource, Task<string?>> picture)
    {
        var view = call.Format == OutputFormat.Table ? new PictureJobView(call.Host.Out, new ProgressRate(call.Host.Clock), picture) : ViewOf(call);
        return End(call, await new JobEventWatch(call.Node, view, call.Host.Clock).FollowAsync(id, call.Cancellation));
    }

    private static int End(Call call, JobResource job)
    {
        if (call.Format != OutputFormat.Json)
        {
            call.Results.Write(job, ApiJson.Default.JobResource, table => table.Line(JobText.Ended(job)));
        }

        return Conclude(call, job);
    }

    /// <summary>Follows the job of a command whose result is not the job: nothing is printed but its progress, and that only for people.</summary>
    public static async Task<int> FollowAsync(Call call, string id, TimeSpan? timeout)
    {
        var view = call.Format == OutputFormat.Table ? ViewOf(call) : new SilentJobView();
        return Conclude(call, await new JobWatch(call.Node, view, call.Host.Clock).FollowAsync(id, timeout, call.Cancellation));
    }

    private static int Conclude(Call call, JobResource job)
    {
        var code = JobExit.CodeOf(job);
        switch (code)
        {
            case ExitCodes.Done:
                return code;
            case ExitCodes.Warnings:
                call.Host.Error.WriteLine($"abk: job {job.Id} ran {job.Sync} instead of {job.RequestedSync}: {job.FallbackReason}");
                return code;
            case ExitCodes.PersonNeeded:
                throw new CliException(ErrorCodes.WrongState, JobText.PersonNeeded(job), code);
            case ExitCodes.Cancelled:
                throw new CliException(ErrorCodes.Cancelled, $"job {job.Id} was {(job.Error is { } error && error.StartsWith("cancelled", StringComparison.Ordinal) ? error : "cancelled")}", code);
            case ExitCodes.Damaged:
                throw new CliException(ErrorCodes.Damaged, $"job {job.Id} found damage: {job.Error ?? "blocks do not match"}; a full backup of the disk heals blocks that it still has", code);
            default:
                throw new CliException(job.ErrorCode ?? ErrorCodes.Internal, Failed(job), code);
        }
    }

    private static string Failed(JobResource job)
    {
        var what = $"job {job.Id} {(job.Outcome == "interrupted" ? "was interrupted" : "failed")}: {job.Error ?? "no reason given"}";
        return job.Kind switch
        {
            "backup" => $"{what}; 'abk job retry {job.Id}' backs up what is left",
            "restore" => $"{what}; 'abk job retry {job.Id}' restores what is left",
            _ => what,
        };
    }

    private static IJobView ViewOf(Call call)
    {
        var rate = new ProgressRate(call.Host.Clock);
        return call.Format switch
        {
            OutputFormat.Json => new JsonJobView(call.Host.Out),
            OutputFormat.Yaml => new SilentJobView(),
            _ when call.Host.IsTerminal => new LiveJobView(call.Host.Error, call.Host.ProgressWidth, rate),
            _ => new SparseJobView(call.Host.Error, call.Host.Clock, rate),
        };
    }
}
