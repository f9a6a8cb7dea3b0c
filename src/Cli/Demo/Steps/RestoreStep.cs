using ActorBackup.Api;

namespace ActorBackup.Cli.Demo.Steps;

/// <summary>The newest and the oldest point, restored and compared.</summary>
public sealed class RestoreStep : IDemoStep
{
    public string Title => "6. Restore";

    public async Task RunAsync(DemoWorld world, CancellationToken cancellation)
    {
        await world.RestoreAndCompareAsync(cancellation);
        var first = Path.Combine(world.Directory, "first.raw");
        var job = await world.Shell.RunAsync(
            ApiJson.Default.JobResource, 0, "point", "restore", world.FirstPoint, "--to", "first.raw", "--wait");
        world.ShowFigures(job);
        var digest = await FileProof.DigestAsync(first, cancellation);
        world.Report.Check(digest == world.FirstDigest, $"the first point is the disk as it was at the start (SHA-256 {digest[..16]}…)");
        File.Delete(first);
    }
}
