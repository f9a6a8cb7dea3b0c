using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tests.Support;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>Copy-before-write of parts of blocks: a block's bytes of the instant may be in memory, in scratch and on the source at the same time.</summary>
public sealed class PartlyKeptTests : IDisposable
{
    private const int BlockBytes = DiskWorld.BlockBytes;
    private const int PartBytes = 4096;
    private const long SizeBytes = (24 * BlockBytes) + (3 * PartBytes) + 512;

    private static readonly JobId Job = new("01m850d483zesd3ybs456nm6m5");

    private readonly DiskWorld _world = new(SizeBytes);

    private string Scratch => Path.Combine(_world.Directory, "scratch");

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(2 * BlockBytes)]
    [InlineData(64 * BlockBytes)]
    public void Random_lives_read_the_instant(int memoryBytes)
    {
        for (var seed = 0; seed < 40; seed++)
        {
            using var world = new DiskWorld(SizeBytes);
            new PartlyKeptLife(world, seed, memoryBytes).Run();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2 * BlockBytes)]
    public void Random_lives_serve_the_instant(int memoryBytes)
    {
        for (var seed = 100; seed < 130; seed++)
        {
            using var world = new DiskWorld(SizeBytes);
            new PartlyKeptLife(world, seed, memoryBytes).Serve();
        }
    }

    [Fact]
    public void A_small_write_keeps_what_it_touches_only()
    {
        var disk = Fill();
        var snapshot = Start(disk, memoryBytes: 0);

        _world.Write(disk, (5 * BlockBytes) + (2 * PartBytes) + 7, [1]);
        Assert.Equal(3 * PartBytes, new FileInfo(Directory.GetFiles(Scratch).Single()).Length);
        _world.Write(disk, (5 * BlockBytes) + (9 * PartBytes), new byte[PartBytes + 1]);
        Assert.Equal(11 * PartBytes, new FileInfo(Directory.GetFiles(Scratch).Single()).Length);

        // With these it would be half of the block.
        _world.Write(disk, 5 * BlockBytes, new byte[6 * PartBytes]);
        Assert.Equal(16 * PartBytes, new FileInfo(Directory.GetFiles(Scratch).Single()).Length);
        AssertIsInstant(snapshot);
    }

    [Fact]
    public void A_hole_that_a_guest_makes_in_a_partly_kept_block_is_not_zeroes_of_the_instant()
    {
        // All that these blocks have is one part each, and the guest trims that.
        var disk = _world.Open();
        foreach (var block in (long[])[3, 4, 22])
        {
            _world.Write(disk, (block * BlockBytes) + (6 * PartBytes), [.. Enumerable.Repeat((byte)0x77, PartBytes)]);
        }

        var snapshot = Start(disk, memoryBytes: 64 * BlockBytes);
        var device = snapshot.Serve();
        foreach (var block in (long[])[3, 4, 22])
        {
            _world.Run(disk.TrimAsync((block * BlockBytes) + (6 * PartBytes), PartBytes, false, CancellationToken.None).AsTask());
            var served = new byte[PartBytes];
            _world.Run(device.ReadAsync((block * BlockBytes) + (6 * PartBytes), served, CancellationToken.None).AsTask());
            Assert.All(served, b => Assert.Equal(0x77, b));
            Assert.Equal(0, snapshot.HoleAt(block, block + 1));
        }

        AssertIsInstant(snapshot, instantOf: block => block is 3 or 4 or 22 ? (byte)0x77 : (byte)0, at: 6 * PartBytes);
    }

    [Fact]
    public void A_part_that_comes_while_its_block_moves_to_scratch_is_kept()
    {
        var disk = Fill();
        var snapshot = Start(disk, memoryBytes: 8 * BlockBytes);
        var late = new Queue<long>(Enumerable.Range(0, 24).Select(b => (long)b));
        _world.Files.AfterWrite = path =>
        {
            // The mover has written the block's first part and does not know yet that there is another.
            if (path.EndsWith(".scratch", StringComparison.Ordinal) && late.TryDequeue(out var block))
            {
                var writing = disk.WriteAsync((block * BlockBytes) + (4 * PartBytes), new byte[] { 0xee }, false, CancellationToken.None);
                Assert.True(writing.IsCompletedSuccessfully);
            }
        };

        // Past half of the memory the mover is posted, and moves the oldest.
        for (var block = 0; block < 6; block++)
        {
            _world.Write(disk, block * BlockBytes, [0xdd]);
        }

        _world.Scheduler.RunAll();
        Assert.True(late.Count < 24, "nothing was moved");
        _world.Files.AfterWrite = null;
        AssertIsInstant(snapshot);
    }

    private TrackedDisk Fill()
    {
        var disk = _world.Open();
        for (var block = 0; block < 24; block++)
        {
            _world.Write(disk, (long)block * BlockBytes, [.. Enumerable.Repeat((byte)(block + 1), BlockBytes)]);
        }

        return disk;
    }

    private DiskSnapshot Start(TrackedDisk disk, long memoryBytes) =>
        _world.Scheduler.Run(disk.StartSnapshotAsync(
            new SnapshotRequest { JobId = Job, MemoryBudgetBytes = memoryBytes, ScratchDirectory = Scratch }, CancellationToken.None));

    private void AssertIsInstant(DiskSnapshot snapshot) => AssertIsInstant(snapshot, block => block < 24 ? (byte)(block + 1) : (byte)0, 0, BlockBytes);

    /// <summary>Each block has its byte where it should be and zeroes elsewhere.</summary>
    private void AssertIsInstant(DiskSnapshot snapshot, Func<long, byte> instantOf, int at, int length = PartBytes)
    {
        var buffer = new byte[BlockBytes];
        while (_world.Scheduler.Run(snapshot.ReadNextAsync(buffer, CancellationToken.None).AsTask()) is { Kind: not SnapshotBlockKind.End } piece)
        {
            for (var block = piece.First; block < piece.First + piece.Count; block++)
            {
                var expected = new byte[BlockBytes];
                expected.AsSpan(at, length).Fill(instantOf(block));
                Assert.True(expected.AsSpan().SequenceEqual(piece.Kind == SnapshotBlockKind.Data ? buffer : new byte[BlockBytes]), $"block {block} is not of the instant");
                snapshot.Release(block);
            }
        }

        Assert.Null(snapshot.Broken);
        Assert.Equal((0L, 0L), (snapshot.MemoryBytes, snapshot.ScratchBytes));
    }
}
