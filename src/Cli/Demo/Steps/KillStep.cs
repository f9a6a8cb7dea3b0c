using ActorBackup.Api;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Cli.Demo.Steps;

/// <summary>kill -9 of the node in the middle of a backup while the guest writes.</summary>
public sealed class KillStep : IDemoStep
{
    private const int Writes = 400;
    private const int WriteBytes = 256 * 1024;

    public string Title => "7. kill -9 of the node in mid-backup, while the guest writes";

    public async Task RunAsync(DemoWorld world, CancellationToken cancellation)
    {
        // Far apart, so that whole regions that a crash makes dirty do not hide what the job had copied.
        var backedUp = world.Zone(0, 24);
        var busy = world.Zone(31, 32);
        await world.Guest.WriteAsync(Writes, WriteBytes, backedUp, cancellation);
        var before = await world.DirtyBlocksAsync();
        world.ShowStrip("before", before);
        await RestartDiskAsync(world, before, cancellation);

        var job = await world.Shell.RunAsync(
            ApiJson.Default.JobResource, 0,
            "backup", DemoWorld.Disk, "--sync", "bitmap", "--bitmap", DemoWorld.Bitmap, "--policy", "always", "--rate", world.RateFor(before));
        var acknowledged = await KillHalfWayAsync(world, job, before, busy, cancellation);

        world.Report.Command("./abk node run --data data");
        world.Shell.Endpoint = await world.Node.StartAsync(cancellation);
        var ended = await world.Shell.RunAsync(ApiJson.Default.JobResource, ExitCodes.Failed, "job", "wait", job.Id, "--timeout", "60");
        world.Report.Check(ended.Outcome == "interrupted", "the job is interrupted");
        var after = await CheckBitmapAsync(world, before, backedUp, acknowledged);
        world.Report.Check(FileProof.Holds(world.ImagePath, acknowledged), $"all {acknowledged.Count} places of acknowledged writes hold what was written");

        var disk = await world.Shell.AskAsync(ApiJson.Default.DiskResource, 0, "disk", "show", DemoWorld.Disk);
        await world.ConnectGuestAsync(disk.NbdUri, cancellation);
        after.UnionWith(await world.Guest.WriteAsync(8, WriteBytes, busy, cancellation));
        var retry = await world.Shell.RunAsync(ApiJson.Default.JobResource, 0, "job", "retry", job.Id, "--wait");
        world.ShowFigures(retry);
        world.Report.Check(retry.BytesDone == after.Count() * world.Geometry.BlockBytes, $"the retry copied the {after.Count()} dirty blocks and no other");
        await world.RestoreAndCompareAsync(cancellation);
    }

    /// <summary>An orderly stop leaves no region in doubt, so what is dirty afterwards is exact.</summary>
    private static async Task RestartDiskAsync(DemoWorld world, DirtyBitmap before, CancellationToken cancellation)
    {
        await world.Guest.DisposeAsync();
        await world.Shell.RunAsync(ApiJson.Default.DiskResource, 0, "disk", "stop", DemoWorld.Disk);
        var disk = await world.Shell.RunAsync(ApiJson.Default.DiskResource, 0, "disk", "start", DemoWorld.Disk);
        await world.ConnectGuestAsync(disk.NbdUri, cancellation);
        var now = await world.DirtyBlocksAsync();
        world.Report.Check(now.IsSubsetOf(before) && before.IsSubsetOf(now), "stopping and starting the disk in order changes no bit");
    }

    private static async Task<IReadOnlyDictionary<long, byte[]>> KillHalfWayAsync(
        DemoWorld world, JobResource job, DirtyBitmap before, Extent busy, CancellationToken cancellation)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var writing = world.Guest.WriteUntilBrokenAsync(busy, enough.Token);
        try
        {
            var left = await RunningJob.HalfWayAsync(world, job, before.Count(), cancellation);
            world.ShowStrip("half-way", left);
            world.Report.Command("kill -9 NODE");
            await world.Node.KillAsync();
        }
        finally
        {
            await enough.CancelAsync();
        }

        var acknowledged = await writing;
        await world.Guest.DisposeAsync();
        return acknowledged;
    }

    /// <returns>The blocks that are dirty now.</returns>
    private static async Task<DirtyBitmap> CheckBitmapAsync(
        DemoWorld world, DirtyBitmap before, Extent backedUp, IReadOnlyDictionary<long, byte[]> acknowledged)
    {
        var after = await world.DirtyBlocksAsync();
        world.ShowStrip("after", after);
        var written = new DirtyBitmap(world.Geometry);
        foreach (var (offset, bytes) in acknowledged)
        {
            written.MarkBytes(offset, bytes.Length);
        }

        var kept = before.Extents().Sum(e => Blocks(world, e)) - after.Extents().Where(e => e.Offset < backedUp.End).Sum(e => Blocks(world, e));
        world.Report.Check(written.IsSubsetOf(after), $"every block of the guest's {acknowledged.Count} acknowledged places is dirty");
        world.Report.Check(kept > 0, $"{kept} blocks that were copied before the kill stay copied");
        return after;
    }

    private static long Blocks(DemoWorld world, Extent extent) => (extent.Length + world.Geometry.BlockBytes - 1) / world.Geometry.BlockBytes;
}
