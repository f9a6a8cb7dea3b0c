using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Disks;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tests.Support;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>The instant of a group on one disk: writes are held until it is taken or its time is over (rule 18), and a crash at any moment forgets no write.</summary>
public sealed class HeldWritesTests : IDisposable
{
    private const ulong Bitmap = 1;
    private const ulong Successor = 2;
    private const ulong Overlay = 3;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);
    private static readonly JobId Job = new("01m850d483zesd3ybs456nm6m5");

    private readonly DiskWorld _world = new();

    private string Scratch => Path.Combine(_world.Directory, "scratch");

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Writes_wait_for_the_instant_and_belong_to_what_comes_after_it()
    {
        var disk = Open();
        var held = Hold(disk);
        var write = Begin(disk, 7);
        _world.Clock.Advance(Limit / 2);
        _world.Scheduler.RunAll();
        Assert.False(write.IsCompleted);

        var snapshot = Assert.Single(held.TryTake()!);
        _world.Run(write);

        Assert.Equal(Limit / 2, held.Held);
        Assert.Equal([0L, 1], Dirty(disk, Bitmap));
        Assert.Equal([7L], Dirty(disk, Successor));
        Assert.Equal([0L, 1, 7], Dirty(disk, Overlay));
        Assert.Equal([(0L, 2L)], snapshot.CopyList.Runs());

        // The limit is over later, and that is nothing to it.
        _world.Pass(2 * Limit);
        Assert.Contains(Overlay, disk.BitmapSets);
        Assert.Equal([Job], disk.JobsInTracking);
    }

    [Fact]
    public void When_the_limit_is_over_writes_go_on_and_the_instant_cannot_be_taken_any_more()
    {
        var disk = Open();
        var held = Hold(disk);
        var write = Begin(disk, 7);

        _world.Clock.Advance(Limit);
        _world.Run(write);

        Assert.Null(held.TryTake());
        _world.Run(held.DisposeAsync().AsTask());
        AssertUntouched(disk, 7);
        Assert.NotNull(Hold(disk).TryTake());
    }

    /// <summary>Whoever armed the disk and died must not leave it without commands; guests never noticed.</summary>
    [Fact]
    public void What_was_armed_and_never_held_gives_itself_up()
    {
        var disk = Open();
        var armed = _world.Scheduler.Run(disk.ArmAsync(Instant()));
        _world.Run(Begin(disk, 7));
        var command = disk.AddBitmapAsync(9, 65536, recording: true, transient: false);
        _world.Scheduler.RunAll();
        Assert.False(command.IsCompleted);

        _world.Pass(TimeSpan.FromMinutes(2));
        _world.Run(command);

        Assert.Throws<VolumeException>(() => { _ = armed.HoldAsync(Limit); });
        _world.Run(armed.DisposeAsync().AsTask());
        Assert.Contains(9UL, disk.BitmapSets);
        Assert.NotNull(Hold(disk).TryTake());
    }

    [Fact]
    public void What_was_given_up_lets_writes_go_on_at_once()
    {
        var disk = Open();
        var held = Hold(disk);
        var write = Begin(disk, 7);

        _world.Run(held.DisposeAsync().AsTask());
        _world.Run(write);

        Assert.Null(held.TryTake());
        AssertUntouched(disk, 7);
    }

    [Fact]
    public void The_instant_is_taken_once()
    {
        var disk = Open();
        var held = Hold(disk);

        Assert.NotNull(held.TryTake());
        Assert.Null(held.TryTake());
        _world.Run(held.DisposeAsync().AsTask());
        _world.Write(disk, 0, new byte[512]);
    }

    [Fact]
    public void Two_holds_come_one_after_the_other()
    {
        var disk = Open();
        var first = Hold(disk);
        var second = disk.HoldAsync(new GroupInstant([], [], []), Limit);
        _world.Scheduler.RunAll();
        Assert.False(second.IsCompleted);

        _world.Clock.Advance(Limit);
        var held = _world.Scheduler.Run(second);
        Assert.Null(first.TryTake());
        var write = Begin(disk, 7);
        _world.Scheduler.RunAll();
        Assert.False(write.IsCompleted);
        Assert.Empty(held.TryTake()!);
        _world.Run(write);
        AssertUntouched(disk, 7);
    }

    [Fact]
    public void Other_commands_wait_until_the_hold_has_ended()
    {
        var disk = Open();
        var held = Hold(disk);
        var clear = disk.ClearAsync(Bitmap);
        _world.Scheduler.RunAll();
        Assert.False(clear.IsCompleted);

        Assert.NotNull(held.TryTake());
        _world.Scheduler.RunAll();

        // The bitmap is the job's by now.
        Assert.Equal(VolumeError.BitmapBusy, Assert.IsType<VolumeException>(clear.Exception?.InnerException).Error);
    }

    [Fact]
    public void A_hold_that_is_over_at_once_still_ends()
    {
        var released = 0;
        var held = new HeldWrites(new HastyClock(), TimeSpan.FromMilliseconds(1), () => [], () => released++, () => Task.CompletedTask);

        Assert.Equal(1, released);
        Assert.Null(held.TryTake());
    }

    [Fact]
    public void A_hold_that_cannot_begin_leaves_nothing()
    {
        var disk = Open();
        var unknown = Instant() with { Snapshots = [Request() with { Freeze = [new FrozenBitmap(9, Successor)] }] };

        Assert.Throws<VolumeException>(() => _world.Run(disk.HoldAsync(unknown, Limit)));

        _world.Write(disk, 7 * DiskWorld.BlockBytes, new byte[512]);
        AssertUntouched(disk, 7);
        Assert.NotNull(Hold(disk).TryTake());
    }

    /// <summary>Between the instant and its record in the tracking file the old set is what a crash finds: it has what it had, and what was written since.</summary>
    [Fact]
    public void A_crash_before_the_instant_is_stored_leaves_the_bitmap_with_all_writes()
    {
        var disk = Open();
        Assert.NotNull(Hold(disk).TryTake());
        _world.Write(disk, 7 * DiskWorld.BlockBytes, new byte[512]);

        var after = _world.OpenAsAfterCrash();

        Assert.Equal([Bitmap], after.BitmapSets);
        Assert.Empty(after.JobsInTracking);
        Assert.Superset(new HashSet<long> { 0, 1, 7 }, Dirty(after, Bitmap).ToHashSet());
        _world.Write(after, 9 * DiskWorld.BlockBytes, new byte[512]);
        Assert.Contains(9L, Dirty(after, Bitmap));
    }

    [Fact]
    public void A_crash_after_the_instant_was_stored_finds_all_its_sets()
    {
        var disk = Open();
        Assert.NotNull(Hold(disk).TryTake());
        _world.Run(disk.StoreInstantAsync());
        _world.Write(disk, 7 * DiskWorld.BlockBytes, new byte[512]);

        var after = _world.OpenAsAfterCrash();

        Assert.Equal([Bitmap, Overlay], after.BitmapSets.Order());
        Assert.Equal([Job], after.JobsInTracking);
        Assert.Equal([0L, 1], Dirty(after, Bitmap));
        Assert.Contains(7L, Dirty(after, Successor));
        Assert.Superset(new HashSet<long> { 0, 1, 7 }, Dirty(after, Overlay).ToHashSet());
        _world.Run(after.SettleAsync(Job, BitmapRemainder.SyncBitmap, keepCheckpoint: false));
        Assert.Superset(new HashSet<long> { 0, 1, 7 }, Dirty(after, Bitmap).ToHashSet());
    }

    /// <summary>Steps see what the ones before them made, of their own set and of others.</summary>
    [Fact]
    public void Sets_are_what_their_steps_make_of_them_in_order()
    {
        var disk = Open();
        var instant = new GroupInstant(
            [new NewSet(10, DiskWorld.BlockBytes, true, false, Bitmap), new NewSet(11, 512, false, false, null), new NewSet(12, DiskWorld.BlockBytes, true, true, null)],
            [new SetStep(11, [10]) { More = () => [new Extent(3 * DiskWorld.BlockBytes, 1)] }, new SetStep(10, null), new SetStep(12, [10, Bitmap]), new SetStep(12, null), new SetStep(12, [11])],
            []);
        var held = _world.Scheduler.Run(disk.HoldAsync(instant, Limit));
        var write = Begin(disk, 7);

        // What other disks are lent, at any step, while the sets are not there yet.
        Assert.Equal([new Extent(0, 2 * DiskWorld.BlockBytes)], disk.ExtentsAt(instant, Bitmap, 0));
        Assert.Equal([new Extent(0, 2 * DiskWorld.BlockBytes)], disk.ExtentsAt(instant, 10, 1));
        Assert.Empty(disk.ExtentsAt(instant, 10, 2));
        Assert.Equal([new Extent(0, 2 * DiskWorld.BlockBytes), new Extent(3 * DiskWorld.BlockBytes, 512)], disk.ExtentsAt(instant, 11, 5));
        Assert.Empty(disk.ExtentsAt(instant, 12, 4));
        Assert.Equal([new Extent(0, 2 * DiskWorld.BlockBytes), new Extent(3 * DiskWorld.BlockBytes, DiskWorld.BlockBytes)], disk.ExtentsAt(instant, 12, 5));

        Assert.NotNull(held.TryTake());
        _world.Run(write);

        Assert.Equal([7L], Dirty(disk, 10));
        Assert.Equal((2 * DiskWorld.BlockBytes) + 512, disk.Extents(11).Sum(e => e.Length));
        Assert.Equal([0L, 1, 3, 7], Dirty(disk, 12));
        Assert.Equal([0L, 1, 7], Dirty(disk, Bitmap));
    }

    /// <summary>A disk whose bitmap has blocks 0 and 1.</summary>
    private TrackedDisk Open()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(Bitmap, DiskWorld.BlockBytes, recording: true, transient: false));
        _world.Write(disk, 0, new byte[2 * DiskWorld.BlockBytes]);
        _world.Pass(TimeSpan.FromSeconds(120));
        return disk;
    }

    private HeldWrites Hold(TrackedDisk disk) => _world.Scheduler.Run(disk.HoldAsync(Instant(), Limit));

    private SnapshotRequest Request() =>
        new() { JobId = Job, Freeze = [new FrozenBitmap(Bitmap, Successor)], CopyBitmapId = Bitmap, ScratchDirectory = Scratch };

    private GroupInstant Instant() => new([new NewSet(Overlay, DiskWorld.BlockBytes, true, false, Bitmap)], [], [Request()]);

    private static Task Begin(TrackedDisk disk, long block) =>
        disk.WriteAsync(block * DiskWorld.BlockBytes, new byte[512], false, CancellationToken.None).AsTask();

    private static long[] Dirty(TrackedDisk disk, ulong set) => [.. DiskWorld.BlocksOf(disk.Extents(set))];

    private void AssertUntouched(TrackedDisk disk, long written)
    {
        Assert.Equal([Bitmap], disk.BitmapSets);
        Assert.Empty(disk.JobsInTracking);
        Assert.Equal([0, 1, written], Dirty(disk, Bitmap));
        Assert.True(!Directory.Exists(Scratch) || Directory.GetFiles(Scratch).Length == 0);
    }

    /// <summary>A timer of it is due before whoever made it has heard of it.</summary>
    private sealed class HastyClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(callback, state);
            timer.Change(dueTime, period);
            return timer;
        }

        private sealed class Timer(TimerCallback callback, object? state) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                if (dueTime >= TimeSpan.Zero)
                {
                    callback(state);
                }

                return true;
            }

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
