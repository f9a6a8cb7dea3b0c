using ActorBackup.Volumes.Disks;
using ActorBackup.Volumes.Tests.Support;

namespace ActorBackup.Volumes.Tests.Disks;

public sealed class WriteWatchTests : IDisposable
{
    private readonly DiskWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void It_notes_what_is_written_while_it_lasts_and_no_bitmap_or_tracking_file_knows_of_it()
    {
        var disk = _world.Open();
        _world.Write(disk, 0, new byte[10]);
        var watch = Watch(disk);
        _world.Write(disk, (3 * DiskWorld.BlockBytes) - 1, new byte[2]);
        _world.Run(disk.TrimAsync(7 * DiskWorld.BlockBytes, DiskWorld.BlockBytes, false, CancellationToken.None).AsTask());
        var second = Watch(disk);
        _world.Write(disk, 9 * DiskWorld.BlockBytes, new byte[10]);

        Assert.Equal([(2L, 4L), (7L, 8L), (9L, 10L)], watch.Written.Runs());
        Assert.Equal([(9L, 10L)], second.Written.Runs());
        Assert.Empty(disk.BitmapSets);
        Assert.Empty(_world.OpenAsAfterCrash().BitmapSets);

        _world.Run(watch.DisposeAsync().AsTask());
        _world.Run(watch.DisposeAsync().AsTask());
        _world.Write(disk, 12 * DiskWorld.BlockBytes, new byte[10]);
        Assert.Equal([(2L, 4L), (7L, 8L), (9L, 10L)], watch.Written.Runs());
        Assert.Equal([(9L, 10L), (12L, 13L)], second.Written.Runs());
    }

    [Fact]
    public void It_survives_commands_that_change_who_records_and_the_end_of_the_disk()
    {
        var disk = _world.Open();
        var watch = Watch(disk);
        _world.Run(disk.AddBitmapAsync(1, DiskWorld.BlockBytes, recording: true, transient: false));
        _world.Run(disk.RemoveBitmapAsync(1));
        _world.Write(disk, 5 * DiskWorld.BlockBytes, new byte[10]);
        Assert.Equal([(5L, 6L)], watch.Written.Runs());

        _world.Run(disk.CloseAsync());
        _world.Run(watch.DisposeAsync().AsTask());
    }

    private WriteWatch Watch(TrackedDisk disk)
    {
        var begun = disk.WatchWritesAsync();
        _world.Run(begun);
        return begun.GetAwaiter().GetResult();
    }
}
