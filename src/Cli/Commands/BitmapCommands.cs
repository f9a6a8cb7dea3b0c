using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk bitmap …</c></summary>
public static class BitmapCommands
{
    public static Command Create(CliHost host) => new("bitmap", "Named sets of a disk's dirty blocks")
    {
        Add(host), List(host), Remove(host),
        Simple(host, "clear", "Make every block clean; the bitmap then has no base"),
        Simple(host, "enable", "Record writes from now on"),
        Simple(host, "disable", "Stop recording writes, which breaks the bitmap's base"),
        Merge(host), Extents(host),
    };

    private static Verb Add(CliHost host)
    {
        var disk = Arguments.Disk();
        var name = new Argument<string>("NAME") { Description = "Name of the new bitmap" };
        var granularity = new Option<string?>("--granularity") { Description = "Bytes per bit, a power of two from 512 to 2G. Default: the disk's block", HelpName = "N" };
        var disabled = new Option<bool>("--disabled") { Description = "Do not record yet" };
        var transient = new Option<bool>("--transient") { Description = "Forget it when the node stops" };
        var basePoint = new Option<string?>("--base") { Description = "Count from this point: the disk is compared with it first, and what differs is dirty", HelpName = "POINT" };
        var trust = new Option<bool>("--trust") { Description = "Do not compare: the disk equals the --base now, and you answer for it" };
        var wait = new Option<bool>("--wait") { Description = "Wait until the disk was compared; this is the default" };
        var noWait = new Option<bool>("--no-wait") { Description = "Only start the comparison with --base; the bitmap is there when its job has succeeded" };
        var rate = JobFollowing.RateOption();
        var timeout = JobFollowing.TimeoutOption();
        return new Verb(host, "add", "Start recording which blocks change") { disk, name, granularity, disabled, transient, basePoint, trust, rate, wait, noWait, timeout }
            .Example("abk bitmap add db daily", "abk bitmap add db weekly --granularity 1M", "abk bitmap add db daily --base db@latest")
            .Does(async call =>
            {
                var request = new AddBitmapRequest(Arguments.NewBitmapName(call.Get(name)))
                {
                    Granularity = Arguments.BitmapGranularity(call.Size(granularity, ErrorCodes.InvalidGranularity)),
                    Disabled = call.Get(disabled),
                    Transient = call.Get(transient),
                    Base = call.Get(basePoint),
                    Trust = call.Get(trust),
                    Rate = call.Rate(rate),
                };
                if (request is { Trust: true, Base: null })
                {
                    throw new CliException(ErrorCodes.InvalidArgument, "--trust is about --base; name a point with --base");
                }

                if (request is { Disabled: true, Base: not null })
                {
                    throw new CliException(ErrorCodes.InvalidArgument, "a disabled bitmap does not see what is written, so a base of it would be wrong at once; leave out --disabled or --base");
                }

                var limit = call.Duration(timeout);
                var path = ApiPath.Bitmaps(call.Get(disk));
                if (request is { Base: not null, Trust: false })
                {
                    var job = await call.Node.PostAsync(path, request, ApiJson.Default.AddBitmapRequest, ApiJson.Default.JobResource, call.Cancellation);
                    return call.Get(noWait) ? JobFollowing.Announce(call, job) : await AddedAsync(call, path, job, request.Name, limit);
                }

                Print(call, await call.Node.PostAsync(path, request, ApiJson.Default.AddBitmapRequest, ApiJson.Default.BitmapResource, call.Cancellation));
                return ExitCodes.Done;
            });
    }

    /// <summary>The result is the bitmap, as of every other way to add one; the job that it took is only shown while it runs.</summary>
    private static async Task<int> AddedAsync(Call call, string path, JobResource job, string name, TimeSpan? limit)
    {
        var code = await JobFollowing.FollowAsync(call, job.Id, limit);
        var bitmaps = await call.Node.GetAsync(path, ApiJson.Default.BitmapResourceArray, call.Cancellation);
        Print(call, bitmaps.FirstOrDefault(b => b.Name == name)
            ?? throw new CliException(ErrorCodes.UnknownBitmap, $"job {job.Id} added bitmap '{name}', and somebody has removed it since"));
        return code;
    }

    private static Verb List(CliHost host)
    {
        var disk = Arguments.Disk();
        return new Verb(host, "list", "All bitmaps of a disk") { disk }
            .Example("abk bitmap list db")
            .Does(async call =>
            {
                var bitmaps = await call.Node.GetAsync(ApiPath.Bitmaps(call.Get(disk)), ApiJson.Default.BitmapResourceArray, call.Cancellation);
                call.Results.Write(bitmaps, ApiJson.Default.BitmapResourceArray, table => BitmapTable.Rows(table, bitmaps));
            });
    }

    private static Verb Remove(CliHost host)
    {
        var (disk, name) = (Arguments.Disk(), Arguments.Bitmap());
        return new Verb(host, "remove", "Forget a bitmap; also works on an inconsistent one") { disk, name }
            .Example("abk bitmap remove db daily")
            .Does(async call =>
            {
                await call.Node.DeleteAsync(ApiPath.Bitmap(call.Get(disk), call.Get(name)), call.Cancellation);
                Removed.Print(call, $"bitmap {call.Get(disk)}/{call.Get(name)} removed", call.Get(name));
            });
    }

    private static Verb Simple(CliHost host, string verb, string description)
    {
        var (disk, name) = (Arguments.Disk(), Arguments.Bitmap());
        return new Verb(host, verb, description) { disk, name }
            .Example($"abk bitmap {verb} db daily")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Bitmap(call.Get(disk), call.Get(name), verb), ApiJson.Default.BitmapResource, call.Cancellation)));
    }

    private static Verb Merge(CliHost host)
    {
        var disk = Arguments.Disk();
        var target = new Argument<string>("TARGET") { Description = "Bitmap that takes the bits; its base stays" };
        var sources = new Argument<string[]>("SOURCE")
        {
            Description = "Bitmaps to add: NAME of the same disk, or DISK/NAME of one of equal size",
            Arity = ArgumentArity.OneOrMore,
        };
        return new Verb(host, "merge", "Add the dirty blocks of other bitmaps to a bitmap") { disk, target, sources }
            .Example("abk bitmap merge db weekly monday tuesday")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Bitmap(call.Get(disk), call.Get(target), "merge"),
                new MergeBitmapRequest(call.Get(sources)),
                ApiJson.Default.MergeBitmapRequest,
                ApiJson.Default.BitmapResource,
                call.Cancellation)));
    }

    private static Verb Extents(CliHost host)
    {
        var (disk, name) = (Arguments.Disk(), Arguments.Bitmap());
        var set = new Choice(
            "--set",
            "While a job uses the bitmap: what it was told to copy, what was written since, or what it has not copied durably yet. Default: sync",
            "sync", "successor", "copy");
        return new Verb(host, "extents", "Which bytes are dirty, as a strip and a list") { disk, name, set.Option }
            .Example("abk bitmap extents db daily", "abk bitmap extents db daily --set copy -o json")
            .Does(async call =>
            {
                var path = ApiPath.Query(ApiPath.Bitmap(call.Get(disk), call.Get(name), "extents"), ("set", call.Choice(set)));
                var extents = await call.Node.GetAsync(path, ApiJson.Default.ExtentResourceArray, call.Cancellation);
                var size = call.Format == OutputFormat.Table
                    ? (await call.Node.GetAsync(ApiPath.Disk(call.Get(disk)), ApiJson.Default.DiskResource, call.Cancellation)).SizeBytes
                    : 0;
                call.Results.Write(extents, ApiJson.Default.ExtentResourceArray, table => ExtentTable.WithStrip(table, extents, size));
            });
    }

    private static void Print(Call call, BitmapResource bitmap) =>
        call.Results.Write(bitmap, ApiJson.Default.BitmapResource, table => BitmapTable.Rows(table, [bitmap]));
}
