using System.Collections.Concurrent;
using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Verifying;

namespace ActorBackup.Storage.Tests.Verifying;

public sealed class DiskComparisonTests
{
    private const int BlockBytes = TestRepository.BlockBytes;
    private const int Blocks = 300;

    private static readonly CancellationToken None = CancellationToken.None;

    private readonly ConcurrentDictionary<long, bool> _dirty = [];
    private readonly RecordingProgress _progress = new();

    [Fact]
    public async Task A_disk_that_is_what_the_point_says_has_no_differences_and_no_pack_of_blocks_is_read()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var disk = new MemoryDisk([.. image], BlockBytes);
        repository.Store.Reads.Clear();

        Assert.Empty(await CompareAsync(repository, point, disk));

        Assert.DoesNotContain(repository.PackOf(TestRepository.DigestOf(image, 0)), repository.Store.Reads);
        Assert.Equal(200, disk.Read.Count);
        Assert.Equal((image.Length, image.Length, 100L * BlockBytes, 0L), (_progress.TotalBytes, _progress.DoneBytes, _progress.ZeroBytes, _progress.SkippedBytes));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(7, true)]
    [InlineData(100, false)]
    [InlineData(150, false)]
    [InlineData(199, false)]
    [InlineData(299, false)]
    [InlineData(299, true)]
    public async Task A_clean_block_that_differs_is_found(int block, bool isZeroed)
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var disk = new MemoryDisk([.. image], BlockBytes);
        var bytes = disk.Content.AsSpan(block * BlockBytes, (int)point.Geometry.LengthOf(block));
        (isZeroed ? new byte[bytes.Length] : Content.Noise(77, bytes.Length)).CopyTo(bytes);

        Assert.Equal([point.Geometry.ExtentOf(block)], await CompareAsync(repository, point, disk));

        _dirty[block] = true;
        Assert.Empty(await CompareAsync(repository, point, disk));
    }

    [Fact]
    public async Task Neighbours_are_one_extent()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var disk = new MemoryDisk([.. image], BlockBytes);
        Content.Noise(77, 6 * BlockBytes).CopyTo(disk.Content, 97 * BlockBytes);

        Assert.Equal([new Extent(97 * BlockBytes, 6 * BlockBytes)], await CompareAsync(repository, point, disk));
    }

    /// <summary>A guest sets the bit, then the bytes; both may come between the first look at the bits and the read.</summary>
    [Fact]
    public async Task A_block_that_is_written_while_it_is_compared_is_no_difference()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var disk = new MemoryDisk([.. image], BlockBytes);
        disk.BeforeRead = block =>
        {
            _dirty[block] = true;
            disk.Content[block * BlockBytes] ^= 1;
        };

        Assert.Empty(await CompareAsync(repository, point, disk));

        // Without the second look each would have been one.
        disk.BeforeRead = null;
        _dirty.Clear();
        Assert.NotEmpty(await CompareAsync(repository, point, disk));
    }

    /// <summary>Rule 13: what a partial point lacks says nothing about the disk.</summary>
    [Fact]
    public async Task Blocks_that_the_point_lacks_are_not_compared()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image, missing: [new BlockRun(50, 2), new BlockRun(120, 1)]);
        var disk = new MemoryDisk([.. image], BlockBytes);
        Content.Noise(77, 3 * BlockBytes).CopyTo(disk.Content, 50 * BlockBytes);
        Content.Noise(78, BlockBytes).CopyTo(disk.Content, 120 * BlockBytes);

        Assert.Equal([point.Geometry.ExtentOf(52)], await CompareAsync(repository, point, disk));
    }

    [Fact]
    public async Task It_can_be_cancelled()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        using var cancellation = new CancellationTokenSource();
        var disk = new MemoryDisk(Image(), BlockBytes) { BeforeRead = _ => cancellation.Cancel() };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Comparison(repository, point, disk).RunAsync(cancellation.Token));
    }

    private Task<IReadOnlyList<Extent>> CompareAsync(TestRepository repository, RecoveryPoint point, MemoryDisk disk) => Comparison(repository, point, disk).RunAsync(None);

    private DiskComparison Comparison(TestRepository repository, RecoveryPoint point, MemoryDisk disk) =>
        new(repository.Data, point, disk, _dirty.ContainsKey, _progress);

    /// <summary>100 blocks, a hole of 100, and 100 blocks of which the last is not whole.</summary>
    private static byte[] Image()
    {
        var image = new byte[(Blocks * BlockBytes) - 512];
        Content.Noise(1, 100 * BlockBytes).CopyTo(image, 0);
        Content.Noise(2, (100 * BlockBytes) - 512).CopyTo(image, 200 * BlockBytes);
        return image;
    }
}
