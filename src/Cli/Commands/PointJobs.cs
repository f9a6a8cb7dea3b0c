using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;

namespace ActorBackup.Cli.Commands;

/// <summary>The commands on points that run as jobs: restore and verify.</summary>
public static class PointJobs
{
    private static readonly string[] NbdSchemes = ["nbd://", "nbds://", "nbd+unix://", "nbds+unix://"];

    public static Verb Restore(CliHost host)
    {
        var point = Arguments.Point();
        var to = new Option<string?>("--to") { Description = "File or block device to write, on the node, or the URI of an NBD export; sparse where the point is zero", HelpName = "PATH" };
        var toDisk = new Option<string?>("--to-disk") { Description = "Disk to overwrite, through its tracking; refused while a client is connected or a job runs", HelpName = "ID" };
        var force = new Option<bool>("--force") { Description = "Overwrite what exists (a block device and an NBD export do), or restore a partial point" };
        var wait = JobFollowing.WaitOption();
        var rate = JobFollowing.RateOption();
        var timeout = JobFollowing.TimeoutOption();
        return new Verb(host, "restore", "Write a point to a file, a device or back to a disk; after an interruption the same command goes on") { point, to, toDisk, force, rate, wait, timeout }
            .Example("abk point restore db@latest --to /srv/restored/db.raw --wait", "abk point restore db@2026-11-23T04:00:00Z --to-disk db --wait")
            .Does(async call =>
            {
                var request = new RestoreRequest(IsNbd(call.Get(to)) ? call.Get(to) : call.FullPath(to), call.Get(toDisk), call.Get(force)) { Rate = call.Rate(rate) };
                if ((request.To is null) == (request.ToDisk is null))
                {
                    throw new CliException(ErrorCodes.InvalidArgument, "say where to restore with either --to PATH or --to-disk ID");
                }

                var limit = call.Duration(timeout);
                var job = await call.Node.PostAsync(
                    ApiPath.Point(call.Get(point), "restore"),
                    request,
                    ApiJson.Default.RestoreRequest,
                    ApiJson.Default.JobResource,
                    call.Cancellation);
                return call.Get(wait) ? await JobFollowing.WaitAsync(call, job.Id, limit) : JobFollowing.Announce(call, job);
            });
    }

    private static bool IsNbd(string? target) =>
        target is not null && NbdSchemes.Any(s => target.StartsWith(s, StringComparison.Ordinal));

    /// <summary>Waits unless told otherwise: a verification whose result nobody reads proves nothing.</summary>
    public static Verb Verify(CliHost host)
    {
        var point = Arguments.Point();
        var full = new Option<bool>("--full") { Description = "Read, decompress and rehash every block. Default: structure and existence" };
        var percent = new Option<string?>("--percent") { Description = "Of a full verification, this share of the blocks at random, 1 to 100", HelpName = "N" };
        var againstDisk = new Option<bool>("--against-disk") { Description = "Compare with the live disk where its bitmaps say that nothing was written since" };
        var wait = new Option<bool>("--wait") { Description = "Wait for the end; this is the default" };
        var noWait = new Option<bool>("--no-wait") { Description = "Only start it; 'abk job wait ID' has the result" };
        var rate = JobFollowing.RateOption();
        var timeout = JobFollowing.TimeoutOption();
        return new Verb(host, "verify", "Check a point; exit code 4 if it is damaged") { point, full, percent, againstDisk, rate, wait, noWait, timeout }
            .Example("abk point verify db@latest", "abk point verify db@latest --full", "abk point verify db@latest --against-disk")
            .Does(async call =>
            {
                var request = new VerifyRequest
                {
                    Full = call.Get(full),
                    Percent = call.Count(percent, 1, 100),
                    AgainstDisk = call.Get(againstDisk),
                    Rate = call.Rate(rate),
                };
                var limit = call.Duration(timeout);
                var job = await call.Node.PostAsync(
                    ApiPath.Point(call.Get(point), "verify"),
                    request,
                    ApiJson.Default.VerifyRequest,
                    ApiJson.Default.JobResource,
                    call.Cancellation);
                return call.Get(noWait) ? JobFollowing.Announce(call, job) : await JobFollowing.WaitAsync(call, job.Id, limit);
            });
    }
}
