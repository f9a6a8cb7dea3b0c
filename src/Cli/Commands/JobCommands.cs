using System.Globalization;
using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk job …</c></summary>
public static class JobCommands
{
    public static Command Create(CliHost host) => new("job", "Runs of backup, restore and verify")
    {
        List(host), Show(host), Wait(host), Watch(host),
        Simple(host, "pause", "Pause a running job; its instant stays as it is"),
        Simple(host, "resume", "Go on with a job that was paused or stopped on an error"),
        Simple(host, "dismiss", "Put a concluded job out of the way; it stays in history"),
        Finalize(host), Cancel(host), SetRate(host), SetPolicy(host), Retry(host),
    };

    private static Verb List(CliHost host)
    {
        var disk = new Option<string?>("--disk") { Description = "Only jobs of this disk", HelpName = "D" };
        var limit = new Option<string?>("--limit") { Description = "Only the newest so many", HelpName = "N" };
        var before = new Option<string?>("--before") { Description = "Only jobs older than this one: with --limit the page before it", HelpName = "JOB" };
        return new Verb(host, "list", "All jobs, dismissed ones too, oldest first; a disk remembers its last 1000") { disk, limit, before }
            .Example("abk job list", "abk job list --disk db -o json", "abk job list --limit 20 --before 01k2…")
            .Does(async call =>
            {
                var jobs = await call.Node.GetAsync(
                    ApiPath.Query(
                        Routes.Jobs,
                        ("disk", call.Get(disk)),
                        ("limit", call.Count(limit, 1)?.ToString(CultureInfo.InvariantCulture)),
                        ("before", call.Get(before))), ApiJson.Default.JobResourceArray, call.Cancellation);
                call.Results.Write(jobs, ApiJson.Default.JobResourceArray, table => JobTable.Rows(table, jobs));
            });
    }

    private static Verb Show(CliHost host)
    {
        var id = Arguments.Job();
        return new Verb(host, "show", "One job") { id }
            .Example("abk job show 01k2…")
            .Does(async call => Print(call, await call.Node.GetAsync(
                ApiPath.Job(call.Get(id)), ApiJson.Default.JobResource, call.Cancellation)));
    }

    private static Verb Wait(CliHost host)
    {
        var id = Arguments.Job();
        var timeout = JobFollowing.TimeoutOption();
        return new Verb(host, "wait", "Wait for a job's end and exit with its result") { id, timeout }
            .Example("abk job wait 01k2…", "abk job wait 01k2… --timeout 10m")
            .Does(call => JobFollowing.WaitAsync(call, call.Get(id), call.Duration(timeout)));
    }

    private static Verb Watch(CliHost host)
    {
        var id = Arguments.Job();
        return new Verb(host, "watch", "Follow every change of a job, with a picture of what is left to copy, and exit with its result") { id }
            .Example("abk job watch 01k2…", "abk job watch 01k2… -o json")
            .Does(call => JobFollowing.WatchAsync(call, call.Get(id), job => RemainingAsync(call, job)));
    }

    /// <summary>The strip of a backup's copy bitmap; null when the job has none, or no longer.</summary>
    private static async Task<string?> RemainingAsync(Call call, JobResource job)
    {
        if (job is not { Kind: "backup", Disk: { } disk, Bitmap: { } bitmap })
        {
            return null;
        }

        try
        {
            var path = ApiPath.Query(ApiPath.Bitmap(disk, bitmap, "extents"), ("set", "copy"));
            var extents = await call.Node.GetAsync(path, ApiJson.Default.ExtentResourceArray, call.Cancellation);
            var size = (await call.Node.GetAsync(ApiPath.Disk(disk), ApiJson.Default.DiskResource, call.Cancellation)).SizeBytes;
            return BitmapStrip.Render(extents, size);
        }
        catch (CliException e) when (e.ExitCode != ExitCodes.Unreachable)
        {
            return null;
        }
    }

    private static Verb Simple(CliHost host, string verb, string description)
    {
        var id = Arguments.Job();
        return new Verb(host, verb, description) { id }
            .Example($"abk job {verb} 01k2…")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Job(call.Get(id), verb), ApiJson.Default.JobResource, call.Cancellation)));
    }

    private static Verb Finalize(CliHost host)
    {
        var id = Arguments.Job();
        var keep = new Option<bool>("--keep") { Description = "Failed job: keep what it copied, as policy always does" };
        var discard = new Option<bool>("--discard") { Description = "Failed job: as if it had never run" };
        return new Verb(host, "finalize", "End a job that waits in pending") { id, keep, discard }
            .Example("abk job finalize 01k2…", "abk job finalize 01k2… --keep")
            .Does(async call =>
            {
                var decision = (call.Get(keep), call.Get(discard)) switch
                {
                    (true, true) => throw new CliException(ErrorCodes.InvalidArgument, "--keep and --discard exclude each other"),
                    (true, _) => "keep",
                    (_, true) => "discard",
                    _ => null,
                };
                Print(call, await call.Node.PostAsync(
                    ApiPath.Job(call.Get(id), "finalize"),
                    new FinalizeJobRequest(decision),
                    ApiJson.Default.FinalizeJobRequest,
                    ApiJson.Default.JobResource,
                    call.Cancellation));
            });
    }

    private static Verb Cancel(CliHost host)
    {
        var id = Arguments.Job();
        var force = new Option<bool>("--force") { Description = "Leave the bitmap as if the job had never run. Default: apply the job's policy" };
        return new Verb(host, "cancel", "Stop a job") { id, force }
            .Example("abk job cancel 01k2…")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Job(call.Get(id), "cancel"),
                new CancelJobRequest(call.Get(force)),
                ApiJson.Default.CancelJobRequest,
                ApiJson.Default.JobResource,
                call.Cancellation)));
    }

    private static Verb SetRate(CliHost host)
    {
        var id = Arguments.Job();
        var rate = new Argument<string>("BYTES/s") { Description = "Such as 50M; 0 is unlimited" };
        return new Verb(host, "set-rate", "Change how fast a running job may go") { id, rate }
            .Example("abk job set-rate 01k2… 50M")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Job(call.Get(id), "rate"),
                new SetRateRequest(Call.ParseRate("the rate", call.Get(rate))),
                ApiJson.Default.SetRateRequest,
                ApiJson.Default.JobResource,
                call.Cancellation)));
    }

    private static Verb SetPolicy(CliHost host)
    {
        var id = Arguments.Job();
        var policy = new Argument<string>("POLICY") { Description = "always, conditional (on-success) or never" };
        policy.CompletionSources.Add("always", "conditional", "never");
        return new Verb(host, "set-policy", "Change what becomes of the bitmap when a running job ends") { id, policy }
            .Example("abk job set-policy 01k2… always")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Job(call.Get(id), "policy"),
                new SetPolicyRequest(BackupFlags.Policy().Check(call.Get(policy))!),
                ApiJson.Default.SetPolicyRequest,
                ApiJson.Default.JobResource,
                call.Cancellation)));
    }

    private static Verb Retry(CliHost host)
    {
        var id = Arguments.Job();
        var wait = JobFollowing.WaitOption();
        var timeout = JobFollowing.TimeoutOption();
        return new Verb(host, "retry", "Run a job that did not succeed again with the same flags; a backup copies what its bitmap still says, a restore what is not there yet") { id, wait, timeout }
            .Example("abk job retry 01k2… --wait")
            .Does(async call =>
            {
                var limit = call.Duration(timeout);
                var job = await call.Node.PostAsync(ApiPath.Job(call.Get(id), "retry"), ApiJson.Default.JobResource, call.Cancellation);
                return call.Get(wait) ? await JobFollowing.WaitAsync(call, job.Id, limit) : JobFollowing.Announce(call, job);
            });
    }

    private static void Print(Call call, JobResource job) =>
        call.Results.Write(job, ApiJson.Default.JobResource, table => JobTable.Card(table, job));
}
