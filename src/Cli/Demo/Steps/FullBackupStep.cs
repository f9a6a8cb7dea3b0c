using ActorBackup.Api;

namespace ActorBackup.Cli.Demo.Steps;

/// <summary>A disk, a repository, and the first point.</summary>
public sealed class FullBackupStep : IDemoStep
{
    public string Title => "1. Protect a disk and back it up in full";

    public async Task RunAsync(DemoWorld world, CancellationToken cancellation)
    {
        world.FirstDigest = await FileProof.DigestAsync(world.ImagePath, cancellation);
        var disk = await world.Shell.RunAsync(ApiJson.Default.DiskResource, 0, "disk", "add", DemoWorld.Disk, "--file", "vm.raw");
        world.Report.Say($"the guest attaches {disk.NbdUri}");
        await world.Shell.RunAsync(ApiJson.Default.RepositoryResource, 0, "repo", "create", DemoWorld.Repository, "repository", "--default");
        await world.Shell.RunAsync(ApiJson.Default.BitmapResource, 0, "bitmap", "add", DemoWorld.Disk, DemoWorld.Bitmap);
        var job = await world.Shell.RunAsync(
            ApiJson.Default.JobResource, 0,
            "backup", DemoWorld.Disk, "--sync", "full", "--bitmap", DemoWorld.Bitmap, "--policy", "always", "--wait");
        world.ShowFigures(job);
        world.FirstPoint = job.Point ?? throw new DemoException("the backup names no point");

        var point = await world.Shell.AskAsync(ApiJson.Default.PointResource, 0, "point", "show", world.FirstPoint);
        var bitmap = await world.BitmapAsync();
        world.Report.Check(job.BytesDone == world.SizeBytes, $"it covered all {world.Geometry.BlockCount} blocks");
        world.Report.Check(point.State == "complete", "the point is complete");
        world.Report.Check(bitmap is { DirtyBytes: 0, BaseState: "valid" } && bitmap.Base == point.Id, "the bitmap is clean and counts from that point");
        await world.ConnectGuestAsync(disk.NbdUri, cancellation);
    }
}
