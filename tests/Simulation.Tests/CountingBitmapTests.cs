using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests;

/// <summary>A bitmap that begins with a base calls blocks clean that a comparison has read. The power fails right after it is there.</summary>
public sealed class CountingBitmapTests
{
    private const int SizeBytes = 1 << 20;
    private const int BlockBytes = 65536;
    private const int Seeds = 20;

    [Fact]
    public void Rule_3_What_it_calls_clean_is_on_stable_storage() => Assert.Null(SimThread.Run(() => FindViolation(TrackingGuards.On)));

    [Fact]
    public void Without_the_flush_the_backing_goes_back_behind_the_base() =>
        Assert.NotNull(SimThread.Run(() => FindViolation(TrackingGuards.On with { FlushBeforeBitsGo = false })));

    private static string? FindViolation(TrackingGuards guards) =>
        Enumerable.Range(1, Seeds).Select(seed => Run(guards, (ulong)seed)).FirstOrDefault(v => v is not null);

    private static string? Run(TrackingGuards guards, ulong seed)
    {
        var machine = new Machine(new Dice(seed), new Trace(), FaultPlan.None);
        var backing = new Inode(Machine.BackingPath);
        backing.Resize(SizeBytes, 0);
        backing.Sync();
        machine.Names[Machine.BackingPath] = backing;
        TrackedDisk.Create(new SimFileLayer(machine, machine.StartProcess(null)), Machine.TrackingPath, new DiskId("d"), Machine.BackingPath, BlockBytes, false);
        var written = Enumerable.Repeat((byte)1, BlockBytes).ToArray();

        // The point has the guest's block, which nobody has flushed; another one is written while the rest is compared.
        Live(machine, guards, async disk =>
        {
            await disk.WriteAsync(0, written, false, CancellationToken.None);
            await using var watch = await disk.WatchWritesAsync();
            await disk.WriteAsync(5 * BlockBytes, written, false, CancellationToken.None);
            await disk.AddCountingBitmapAsync(1, 512, transient: false, new DirtyBitmap(disk.Definition.Geometry), watch);
        });
        machine.LosePower();
        string? violation = null;
        Live(machine, guards, async disk =>
        {
            var found = new byte[BlockBytes];
            await disk.ReadAsync(0, found, CancellationToken.None);
            var dirty = disk.Extents(1);
            violation = !disk.BitmapSets.Contains(1UL) ? "there is no bitmap"
                : !dirty.Any(e => e.Offset <= 5 * BlockBytes && e.End >= 6 * BlockBytes) ? "what was written meanwhile is clean"
                : !found.AsSpan().SequenceEqual(written) && !dirty.Any(e => e.Offset == 0) ? "block 0 is clean and not what the base has"
                : null;
        });
        return violation is null ? null : $"seed {seed}: {violation}";
    }

    private static void Live(Machine machine, TrackingGuards guards, Func<TrackedDisk, Task> work)
    {
        var process = machine.StartProcess(null);
        var scheduler = new SimScheduler(machine, machine.Dice);
        var clock = new SimClock(machine, scheduler);
        var disk = TrackedDisk.OpenAsync(new SimFileLayer(machine, process), scheduler, clock, Machine.TrackingPath, null, witness: null, guards).GetAwaiter().GetResult();
        disk.AllowWrites();
        var done = work(disk);
        while (!done.IsCompleted && !scheduler.IsEmpty)
        {
            scheduler.RunOne();
        }

        Assert.True(done.IsCompleted);
        done.GetAwaiter().GetResult();
        machine.Crash();
    }
}
