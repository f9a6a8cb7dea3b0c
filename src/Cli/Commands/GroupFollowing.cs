using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary>Waits for a group and exits with its result.</summary>
public static class GroupFollowing
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    /// <summary>How long a node that answered before may be away.</summary>
    private static readonly TimeSpan AwayMost = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan AwayBreath = TimeSpan.FromMilliseconds(500);

    public static async Task<int> WaitAsync(Call call, string id, TimeSpan? timeout)
    {
        var group = await FollowAsync(call, id, timeout);
        var jobs = await JobsAsync(call, group);
        if (call.Format == OutputFormat.Json)
        {
            call.Host.Out.WriteLine(JsonLine.Of(group, ApiJson.Default.GroupResource));
        }
        else
        {
            call.Results.Write(group, ApiJson.Default.GroupResource, table => GroupTable.Card(table, group));
        }

        return Conclude(call, group, jobs);
    }

    private static async Task<GroupResource> FollowAsync(Call call, string id, TimeSpan? timeout)
    {
        var (began, answered) = (call.Host.Clock.GetTimestamp(), call.Host.Clock.GetTimestamp());
        var hasAnswered = false;
        try
        {
            while (true)
            {
                var left = timeout - call.Host.Clock.GetElapsedTime(began);
                if (left <= TimeSpan.Zero && hasAnswered)
                {
                    throw new CliException(ErrorCodes.TimedOut, $"group {id} has not ended after {timeout!.Value.TotalSeconds:0.#} s and goes on; 'abk group wait {id}' waits again");
                }

                try
                {
                    var group = await AskAsync(call, id, left < Period ? TimeSpan.FromTicks(Math.Max(0, left.Value.Ticks)) : Period);
                    (hasAnswered, answered) = (true, call.Host.Clock.GetTimestamp());
                    if (group is { Status: "concluded", Outcome: "failed", RetriedAs: { } next })
                    {
                        id = next;
                        continue;
                    }

                    if (group is { Status: "pending" } or { Status: "concluded", RestartDue: false })
                    {
                        return group;
                    }

                    await ShowAsync(call, group);
                }
                catch (CliException e) when (hasAnswered && e.Code is ErrorCodes.Unreachable or ErrorCodes.NotReady && call.Host.Clock.GetElapsedTime(answered) < AwayMost)
                {
                    // It may be restarting; the group goes on with it.
                    await Task.Delay(AwayBreath, call.Host.Clock, call.Cancellation);
                }
            }
        }
        catch (OperationCanceledException) when (call.Cancellation.IsCancellationRequested)
        {
            throw new CliException(
                ErrorCodes.Cancelled,
                $"interrupted; group {id} goes on: 'abk group wait {id}' waits again, 'abk group cancel {id}' stops it",
                ExitCodes.Interrupted);
        }
    }

    private static Task<GroupResource> AskAsync(Call call, string id, TimeSpan period)
    {
        var milliseconds = ((long)period.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        return call.Node.GetAsync(ApiPath.Query(ApiPath.Group(id, "wait"), ("timeoutMs", milliseconds)), ApiJson.Default.GroupResource, call.Cancellation);
    }

    private static async Task ShowAsync(Call call, GroupResource group)
    {
        if (call.Format == OutputFormat.Json)
        {
            call.Host.Out.WriteLine(JsonLine.Of(group, ApiJson.Default.GroupResource));
            return;
        }

        var jobs = await JobsAsync(call, group);
        call.Host.Error.WriteLine($"group {group.Id} {(group.RestartDue ? "failed and is started again" : group.Status)}: {string.Join(", ", jobs.Select(j => $"{j.Disk} {JobText.Percent(j)}%"))}");
    }

    private static async Task<IReadOnlyList<JobResource>> JobsAsync(Call call, GroupResource group)
    {
        var jobs = new List<JobResource>();
        foreach (var member in group.Members)
        {
            try
            {
                jobs.Add(await call.Node.GetAsync(ApiPath.Job(member.Job), ApiJson.Default.JobResource, call.Cancellation));
            }
            catch (CliException e) when (e.Code == ErrorCodes.UnknownJob)
            {
                // Its disk was removed since.
            }
        }

        return jobs;
    }

    private static int Conclude(Call call, GroupResource group, IReadOnlyList<JobResource> jobs)
    {
        switch (group)
        {
            case { Status: not "concluded" }:
                throw new CliException(
                    ErrorCodes.WrongState,
                    $"group {group.Id} has copied everything and waits: 'abk group finalize {group.Id}' lets it commit, 'abk group cancel {group.Id}' does not",
                    ExitCodes.PersonNeeded);
            case { Outcome: "success" }:
                foreach (var job in jobs.Where(JobExit.FellBack))
                {
                    call.Host.Error.WriteLine($"abk: job {job.Id} of disk '{job.Disk}' ran {job.Sync} instead of {job.RequestedSync}: {job.FallbackReason}");
                }

                return jobs.Any(JobExit.FellBack) ? ExitCodes.Warnings : ExitCodes.Done;
            case { Outcome: "mixed" }:
                call.Host.Error.WriteLine($"abk: of group {group.Id} {group.Members.Count(m => m.Outcome != "success")} of {group.Members.Count} jobs did not succeed");
                return ExitCodes.Warnings;
            case { Outcome: "cancelled" }:
                throw new CliException(ErrorCodes.Cancelled, $"group {group.Id} was cancelled", ExitCodes.Cancelled);
            default:
                throw new CliException(ErrorCodes.InputOutput, $"group {group.Id} failed: {group.Error ?? "none of its jobs succeeded"}; 'abk group show {group.Id}' lists its jobs", ExitCodes.Failed);
        }
    }
}
