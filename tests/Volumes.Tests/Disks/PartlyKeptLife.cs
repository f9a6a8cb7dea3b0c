using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tests.Support;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>A guest that writes anything anywhere beside a reader of an instant, over closings and openings of the disk, as the seed says.</summary>
internal sealed class PartlyKeptLife(DiskWorld world, int seed, long memoryBytes)
{
    private const int BlockBytes = DiskWorld.BlockBytes;

    private static readonly JobId Job = new("01m850d483zesd3ybs456nm6m5");

    private readonly Random _random = new(seed);
    private byte[] _instant = [];
    private DirtyBitmap _left = null!;

    private string Scratch => Path.Combine(world.Directory, "scratch");

    /// <summary>A job reads each block once.</summary>
    public void Run()
    {
        var (disk, snapshot) = Begin();
        _left = snapshot.CopyList.Clone();
        for (var step = 0; step < 120; step++)
        {
            switch (_random.Next(10))
            {
                case < 7:
                    Change(disk);
                    break;
                case < 9:
                    ReadNext(snapshot);
                    break;
                default:
                    if (_random.Next(4) == 0)
                    {
                        (disk, snapshot) = Reopen(disk, snapshot);
                    }

                    break;
            }
        }

        while (ReadNext(snapshot))
        {
        }

        Assert.True(_left.IsEmpty(), $"seed {seed}: not every block was handed out");
        Assert.Null(snapshot.Broken);
        Assert.Equal((0L, 0L), (snapshot.MemoryBytes, snapshot.ScratchBytes));
        world.Run(snapshot.DisposeAsync().AsTask());
        Assert.Empty(Directory.GetFiles(Scratch));
        world.Run(disk.CloseAsync());
    }

    /// <summary>Readers read any part of it, as often as they like.</summary>
    public void Serve()
    {
        var (disk, snapshot) = Begin();
        var device = snapshot.Serve();
        for (var step = 0; step < 150; step++)
        {
            if (_random.Next(3) < 2)
            {
                Change(disk);
                continue;
            }

            var (offset, length) = DrawRange();
            var read = new byte[length];
            world.Run(device.ReadAsync(offset, read, CancellationToken.None).AsTask());
            Assert.True(_instant.AsSpan((int)offset, length).SequenceEqual(read), $"seed {seed}: {length} bytes at {offset} are not of the instant");
        }

        Assert.Null(snapshot.Broken);
        world.Run(snapshot.DisposeAsync().AsTask());
        world.Run(disk.CloseAsync());
    }

    private (TrackedDisk Disk, DiskSnapshot Snapshot) Begin()
    {
        var disk = world.Open();
        for (var i = 0; i < 40; i++)
        {
            Change(disk);
        }

        var snapshot = world.Scheduler.Run(disk.StartSnapshotAsync(
            new SnapshotRequest { JobId = Job, MemoryBudgetBytes = memoryBytes, ScratchDirectory = Scratch }, CancellationToken.None));
        using var file = new FileStream(world.Backing, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        _instant = new byte[file.Length];
        file.ReadExactly(_instant);
        return (disk, snapshot);
    }

    private void Change(TrackedDisk disk)
    {
        var (offset, length) = DrawRange();
        var change = _random.Next(5) switch
        {
            0 => disk.TrimAsync(offset, length, false, CancellationToken.None),
            1 => disk.WriteZeroesAsync(offset, length, ZeroOptions.None, CancellationToken.None),
            _ => disk.WriteAsync(offset, Enumerable.Repeat((byte)_random.Next(1, 256), length).ToArray(), false, CancellationToken.None),
        };
        world.Run(change.AsTask());
    }

    /// <summary>Mostly small, often in the same few blocks, now and then whole blocks.</summary>
    private (long Offset, int Length) DrawRange()
    {
        var unit = _random.Next(3) switch { 0 => 1, 1 => 4096, _ => BlockBytes };
        var offset = (_random.NextInt64(_random.Next(2) == 0 ? 4 * BlockBytes : world.SizeBytes) / unit) * unit;
        var length = unit * (1 + _random.Next(unit == BlockBytes ? 3 : unit == 1 ? 9000 : 5));
        return (offset, (int)Math.Min(length, world.SizeBytes - offset));
    }

    private bool ReadNext(DiskSnapshot snapshot)
    {
        var buffer = new byte[BlockBytes];
        var piece = world.Scheduler.Run(snapshot.ReadNextAsync(buffer, CancellationToken.None).AsTask());
        for (var block = piece.First; block < piece.First + piece.Count; block++)
        {
            var expected = new byte[BlockBytes];
            var start = (int)block * BlockBytes;
            _instant.AsSpan(start, Math.Min(BlockBytes, _instant.Length - start)).CopyTo(expected);
            Assert.True(expected.AsSpan().SequenceEqual(piece.Kind == SnapshotBlockKind.Data ? buffer : new byte[BlockBytes]), $"seed {seed}: block {block} is not of the instant");
            Assert.True(_left.Clear(block), $"seed {seed}: block {block} was handed out twice");
            snapshot.Release(block);
        }

        return piece.Kind != SnapshotBlockKind.End;
    }

    private (TrackedDisk Disk, DiskSnapshot Snapshot) Reopen(TrackedDisk disk, DiskSnapshot snapshot)
    {
        world.Run(disk.StoreCheckpointAsync(Job, _left, new BlockDigest(Enumerable.Repeat((byte)1, BlockDigest.SizeBytes).ToArray())));
        world.Run(disk.SuspendAsync(snapshot));
        Change(disk);
        world.Run(disk.CloseAsync());
        var expected = new TrackingExpectation(disk.FileId, disk.Generation, disk.Stamp, disk.Stamp);
        var next = world.Scheduler.Run(TrackedDisk.OpenAsync(UnlockedFiles.Instance, world.Scheduler, world.Clock, world.Tracking, expected, witness: null, Scratch));
        next.AllowWrites();
        world.Scheduler.RunAll();
        Change(next);
        var adopted = world.Scheduler.Run(next.TryAdoptAsync(Job));
        Assert.True(adopted is not null, $"seed {seed}: the instant did not outlive the closing");
        return (next, adopted);
    }
}
