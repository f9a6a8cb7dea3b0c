using ActorBackup.Core.Blocks;

namespace ActorBackup.Cli.Demo.Steps;

/// <summary>The guest changes some of its disk.</summary>
public sealed class GuestWritesStep : IDemoStep
{
    private const int Writes = 128;
    private const int WriteBytes = 100 * 1024;

    public string Title => "2. The guest writes through NBD";

    public async Task RunAsync(DemoWorld world, CancellationToken cancellation)
    {
        var touched = await world.Guest.WriteAsync(Writes, WriteBytes, new Extent(0, world.SizeBytes), cancellation);
        world.Report.Say($"{Writes} writes of {WriteBytes / 1024} KiB touched {touched.Count()} of {world.Geometry.BlockCount} blocks");
        world.Report.Command($"./abk bitmap extents {DemoWorld.Disk} {DemoWorld.Bitmap}");
        var dirty = await world.DirtyBlocksAsync();
        world.ShowStrip("dirty", dirty);
        world.Report.Check(touched.IsSubsetOf(dirty), "every block the guest wrote is dirty");
        world.Report.Check(dirty.IsSubsetOf(touched), "no other block is");
    }
}
