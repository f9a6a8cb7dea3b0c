using ActorBackup.Api;

namespace ActorBackup.Cli.Demo.Steps;

/// <summary>A backup that copies what changed.</summary>
public sealed class IncrementalStep : IDemoStep
{
    public string Title => "3. The incremental backup copies what changed";

    public async Task RunAsync(DemoWorld world, CancellationToken cancellation)
    {
        var before = await world.BitmapAsync();
        var job = await world.Shell.RunAsync(
            ApiJson.Default.JobResource, 0,
            "backup", DemoWorld.Disk, "--sync", "bitmap", "--bitmap", DemoWorld.Bitmap, "--policy", "always", "--wait");
        world.ShowFigures(job);
        var after = await world.BitmapAsync();
        world.Report.Check(job.BytesDone == before.DirtyBytes, $"it copied exactly the {before.DirtyBytes / world.Geometry.BlockBytes} dirty blocks");
        world.Report.Check(after.DirtyBytes == 0 && after.Base == job.Point, "the bitmap is clean and counts from the new point");
    }
}
