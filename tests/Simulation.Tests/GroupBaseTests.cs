using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Disks;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests;

/// <summary>
/// A bitmap that is added at the instant of a full backup counts from its point: it calls every block clean that was not written since. The job freezes no
/// bitmap, so its vote is all that stands between the guest's unflushed bytes and the base. The power fails right after the vote.
/// </summary>
public sealed class GroupBaseTests
{
    private const int SizeBytes = 64 << 20;
    private const int BlockBytes = 65536;
    private const long Later = SizeBytes / 2;
    private const int Seeds = 20;

    private static readonly JobId Job = new("job");

    [Fact]
    public void Rule_3_A_full_backup_of_a_group_votes_when_what_it_read_is_on_stable_storage() => Assert.Null(SimThread.Run(() => FindViolation(TrackingGuards.On)));

    [Fact]
    public void Without_the_flush_the_backing_goes_back_behind_the_point_that_becomes_the_base() =>
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

        // The point has the guest's first block, which nobody has flushed; the second one is written after the instant.
        Live(machine, guards, async disk =>
        {
            await disk.WriteAsync(0, written, false, CancellationToken.None);
            var instant = new GroupInstant([new NewSet(1, 512, IsRecording: true, IsTransient: false, null)], [], [new SnapshotRequest { JobId = Job }]);
            await using var held = await disk.HoldAsync(instant, TimeSpan.FromSeconds(2));
            var snapshot = Assert.Single(held.TryTake()!);
            await disk.StoreInstantAsync();
            await disk.WriteAsync(Later, written, false, CancellationToken.None);
            await disk.StoreCheckpointAsync(Job, new DirtyBitmap(disk.Definition.Geometry), default(BlockDigest));
            await snapshot.DisposeAsync();
        });
        machine.LosePower();
        string? violation = null;
        Live(machine, guards, async disk =>
        {
            var found = new byte[BlockBytes];
            await disk.ReadAsync(0, found, CancellationToken.None);
            var dirty = disk.Extents(1);
            violation = !disk.BitmapSets.Contains(1UL) ? "there is no bitmap"
                : !dirty.Any(e => e.Offset <= Later && e.End >= Later + BlockBytes) ? "what was written after the instant is clean"
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
