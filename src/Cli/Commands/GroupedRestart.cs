using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;

namespace ActorBackup.Cli.Commands;

/// <summary>Whether the work of a job that ended with its group is done again because the whole group is started again: the group knows, the job's disk does not.</summary>
public sealed class GroupedRestart(NodeClient node)
{
    /// <param name="job">That has ended.</param>
    /// <param name="period">How long to wait for news of its group.</param>
    /// <param name="cancellation">Of the wait.</param>
    /// <returns>Next = the job that does its work again; it is ahead while that one is not known yet.</returns>
    public async Task<(bool IsAhead, string? Next)> LookAsync(JobResource job, TimeSpan period, CancellationToken cancellation)
    {
        if (job is not { Status: "concluded", Group: { } id, Outcome: not "success" })
        {
            return (false, null);
        }

        try
        {
            if ((await node.GetAsync(ApiPath.Group(id), ApiJson.Default.GroupResource, cancellation)).Restarts == 0)
            {
                return (false, null);
            }

            var milliseconds = ((long)period.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
            var group = await node.GetAsync(ApiPath.Query(ApiPath.Group(id, "wait"), ("timeoutMs", milliseconds)), ApiJson.Default.GroupResource, cancellation);
            return group is { RetriedAs: not null }
                ? (false, (await node.GetAsync(ApiPath.Job(job.Id), ApiJson.Default.JobResource, cancellation)).RetriedAs)
                : (group is not { Status: "concluded", RestartDue: false }, null);
        }
        catch (CliException e) when (e.Code is ErrorCodes.UnknownGroup or ErrorCodes.UnknownJob)
        {
            // So old that it is forgotten.
            return (false, null);
        }
    }
}
