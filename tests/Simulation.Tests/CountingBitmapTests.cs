using ActorBackup.Core.Bitmaps;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests;

/// <summary>A bitmap that begins with a base calls blocks clean that a comparison has read. The power fails right after it is there.</summary>
public sealed class CountingBitmapTests
{
    private const long Later = 5 * 65536;

    private readonly UnflushedBase _base = new(1 << 20, Later, async (disk, block) =>
    {
        // The later block is written while the rest is compared.
        await using var watch = await disk.WatchWritesAsync();
        await disk.WriteAsync(Later, block, false, CancellationToken.None);
        await disk.AddCountingBitmapAsync(1, 512, transient: false, new DirtyBitmap(disk.Definition.Geometry), watch);
    });

    [Fact]
    public void Rule_3_What_it_calls_clean_is_on_stable_storage() => Assert.Null(_base.FindViolation(TrackingGuards.On));

    [Fact]
    public void Without_the_flush_the_backing_goes_back_behind_the_base() =>
        Assert.NotNull(_base.FindViolation(TrackingGuards.On with { FlushBeforeBitsGo = false }));
}
