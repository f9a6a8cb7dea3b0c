using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
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
    private const long Later = SizeBytes / 2;

    private static readonly JobId Job = new("job");

    private readonly UnflushedBase _base = new(SizeBytes, Later, async (disk, block) =>
    {
        // The later block is written after the instant.
        var instant = new GroupInstant([new NewSet(1, 512, IsRecording: true, IsTransient: false, null)], [], [new SnapshotRequest { JobId = Job }]);
        await using var held = await disk.HoldAsync(instant, TimeSpan.FromSeconds(2));
        var snapshot = Assert.Single(held.TryTake()!);
        await disk.StoreInstantAsync();
        await disk.WriteAsync(Later, block, false, CancellationToken.None);
        await disk.StoreCheckpointAsync(Job, new DirtyBitmap(disk.Definition.Geometry), default(BlockDigest));
        await snapshot.DisposeAsync();
    });

    [Fact]
    public void Rule_3_A_full_backup_of_a_group_votes_when_what_it_read_is_on_stable_storage() => Assert.Null(_base.FindViolation(TrackingGuards.On));

    [Fact]
    public void Without_the_flush_the_backing_goes_back_behind_the_point_that_becomes_the_base() =>
        Assert.NotNull(_base.FindViolation(TrackingGuards.On with { FlushBeforeBitsGo = false }));
}
