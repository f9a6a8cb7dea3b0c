using ActorBackup.Api;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Cli.Demo.Steps;

/// <summary>The retry copies the rest and what was written since.</summary>
public sealed class RetryStep : IDemoStep
{
    private const int Writes = 64;
    private const int WriteBytes = 64 * 1024;

    public string Title => "5. The retry copies only the rest, and what was written since";

    public async Task RunAsync(DemoWorld world, CancellationToken cancellation)
    {
        var expected = await world.DirtyBlocksAsync();
        var written = await world.Guest.WriteAsync(Writes, WriteBytes, new Extent(0, world.SizeBytes), cancellation);
        expected.UnionWith(written);
        var job = await world.Shell.RunAsync(ApiJson.Default.JobResource, 0, "job", "retry", world.FailedJob.Id, "--wait");
        world.ShowFigures(job);
        var copied = job.BytesDone / world.Geometry.BlockBytes;
        world.Report.Check(copied == expected.Count(), $"it copied {copied} blocks: the {world.DirtyAfter} remaining and those of {Writes} new writes");
        world.Report.Check(copied < world.DirtyBefore + written.Count(), $"without the failed job's work it would have been up to {world.DirtyBefore + written.Count()}");
        var bitmap = await world.BitmapAsync();
        world.Report.Check(bitmap.DirtyBytes == 0 && bitmap.Base == job.Point, "the bitmap is clean and counts from the new point");
        var point = await world.Shell.AskAsync(ApiJson.Default.PointResource, 0, "point", "show", job.Point!);
        world.Report.Check(point.State == "complete", "the point is complete");
    }
}
