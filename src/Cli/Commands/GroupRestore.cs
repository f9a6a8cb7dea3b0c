using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk group restore</c>: every point of a group into one directory.</summary>
public static class GroupRestore
{
    public static Verb Create(CliHost host)
    {
        var id = new Argument<string>("ID") { Description = "Id of a group" };
        var to = new Option<string>("--to") { Description = "Directory on the node; each disk becomes DIR/DISK.raw", HelpName = "DIR", Required = true };
        var force = new Option<bool>("--force") { Description = "Overwrite what exists" };
        return new Verb(host, "restore", "Write the points of a group, which are of one instant, into a directory; waits for the end") { id, to, force }
            .Example("abk group restore 01k2… --to /srv/restored")
            .Does(async call =>
            {
                var group = await call.Node.GetAsync(ApiPath.Group(call.Get(id)), ApiJson.Default.GroupResource, call.Cancellation);
                Check(group);
                var directory = Path.GetFullPath(call.Get(to)!, call.Host.WorkingDirectory);
                var jobs = new List<JobResource>();
                try
                {
                    foreach (var member in group.Members)
                    {
                        jobs.Add(await StartAsync(call, member, Path.Join(directory, $"{member.Disk}.raw"), call.Get(force)));
                    }
                }
                catch (CliException)
                {
                    await CancelAsync(call, jobs);
                    throw;
                }

                return await FollowAsync(call, jobs);
            });
    }

    /// <summary>All are restored, or none is begun.</summary>
    private static async Task CancelAsync(Call call, List<JobResource> jobs)
    {
        foreach (var job in jobs)
        {
            await call.Node.PostAsync(
                ApiPath.Job(job.Id, "cancel"), new CancelJobRequest(true), ApiJson.Default.CancelJobRequest, ApiJson.Default.JobResource, call.Cancellation);
        }
    }

    /// <summary>Points that are not of one instant are no copy of the disks together.</summary>
    private static void Check(GroupResource group)
    {
        if (group.Outcome != "success" || group.Members.Count == 0 || group.Members.Any(m => m.Point is null))
        {
            throw new CliException(
                ErrorCodes.Partial,
                $"group {group.Id} has no complete point of every disk ({group.Outcome ?? group.Status}); restore points one by one with 'abk point restore'");
        }

        if (group.Members.GroupBy(m => m.Disk).FirstOrDefault(d => d.Count() > 1) is { } twice)
        {
            throw new CliException(
                ErrorCodes.InvalidArgument, $"group {group.Id} has several points of disk '{twice.Key}'; restore the one you want with 'abk point restore'");
        }
    }

    private static Task<JobResource> StartAsync(Call call, GroupMemberResource member, string path, bool force) =>
        call.Node.PostAsync(
            ApiPath.Point(member.Point!, "restore"),
            new RestoreRequest(path, null, force),
            ApiJson.Default.RestoreRequest,
            ApiJson.Default.JobResource,
            call.Cancellation);

    /// <summary>All of them, whatever becomes of one; then the worst result.</summary>
    private static async Task<int> FollowAsync(Call call, List<JobResource> jobs)
    {
        CliException? worst = null;
        foreach (var job in jobs)
        {
            try
            {
                await JobFollowing.WaitAsync(call, job.Id, null);
            }
            catch (CliException e) when (e.ExitCode != ExitCodes.Interrupted)
            {
                worst ??= e;
            }
        }

        return worst is null ? ExitCodes.Done : throw worst;
    }
}
