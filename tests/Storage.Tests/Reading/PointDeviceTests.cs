using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Tests.Support;
using CsCheck;

namespace ActorBackup.Storage.Tests.Reading;

public sealed class PointDeviceTests
{
    private const int BlockBytes = TestRepository.BlockBytes;

    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Any_range_reads_as_the_image()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image(1);
        var device = DeviceOf(repository, await repository.BackUpAsync(image), cacheBytes: 10 * BlockBytes);
        Assert.Equal((image.Length, true, BlockBytes), (device.SizeBytes, device.IsReadOnly, device.PreferredBlockBytes));

        await Gen.Select(Gen.Int[0, image.Length], Gen.OneOf(Gen.Int[0, 100], Gen.Int[0, 40 * BlockBytes])).SampleAsync(
            async (offset, length) =>
            {
                length = Math.Min(length, image.Length - offset);
                var buffer = Content.Noise(9, length);
                await device.ReadAsync(offset, buffer, None);
                Assert.True(image.AsSpan(offset, length).SequenceEqual(buffer));
            },
            iter: 500);
    }

    [Fact]
    public async Task Readers_at_once_do_not_disturb_each_other()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image(1);
        var device = DeviceOf(repository, await repository.BackUpAsync(image), cacheBytes: 3 * BlockBytes);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(reader => Task.Run(async () =>
        {
            var random = new Random(reader);
            for (var i = 0; i < 200; i++)
            {
                var offset = random.Next(image.Length);
                var buffer = new byte[random.Next(Math.Min(5 * BlockBytes, image.Length - offset))];
                await device.ReadAsync(offset, buffer, None);
                Assert.True(image.AsSpan(offset, buffer.Length).SequenceEqual(buffer));
            }
        })));
    }

    [Fact]
    public async Task Allocation_is_that_of_the_blocks_in_as_many_runs_as_there_is_room_for()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image(2);
        var device = DeviceOf(repository, await repository.BackUpAsync(image));

        await Gen.Select(Gen.Int[0, image.Length - 1], Gen.Int[1, image.Length], Gen.Int[1, 20]).SampleAsync(
            async (offset, length, room) =>
            {
                length = Math.Min(length, image.Length - offset);
                var runs = new AllocationRun[room];
                var count = await device.QueryAllocationAsync(offset, length, runs, None);

                Assert.InRange(count, 1, room);
                long at = offset;
                for (var i = 0; i < count; i++)
                {
                    Assert.True(i == 0 || runs[i].IsHole != runs[i - 1].IsHole);
                    Assert.Equal(runs[i].IsHole, runs[i].ReadsAsZero);
                    for (var block = at / BlockBytes; block <= (at + runs[i].Length - 1) / BlockBytes; block++)
                    {
                        Assert.Equal(runs[i].IsHole, IsZero(image, block));
                    }

                    at += runs[i].Length;
                }

                Assert.True(count == room ? at <= offset + length : at == offset + length);
                Assert.True(at == offset + length || IsZero(image, at / BlockBytes) != runs[count - 1].IsHole);
            },
            iter: 500);
    }

    [Fact]
    public async Task A_disk_of_zeroes_is_one_hole_of_any_length()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = TestRepository.PointOf(9, 5000L * BlockBytes, default, []);
        var device = DeviceOf(repository, point);
        var runs = new AllocationRun[4];

        Assert.Equal(1, await device.QueryAllocationAsync(100, (5000L * BlockBytes) - 100, runs, None));
        Assert.Equal(new AllocationRun((5000L * BlockBytes) - 100, true, true), runs[0]);
    }

    [Fact]
    public async Task A_point_cannot_be_written()
    {
        await using var repository = await TestRepository.CreateAsync();
        var device = DeviceOf(repository, await repository.BackUpAsync(Image(1)));

        Assert.Equal(BlockDeviceError.NotPermitted, await ErrorOfAsync(() => device.WriteAsync(0, new byte[1], false, None).AsTask()));
        Assert.Equal(BlockDeviceError.NotPermitted, await ErrorOfAsync(() => device.TrimAsync(0, 1, false, None).AsTask()));
        Assert.Equal(BlockDeviceError.NotPermitted, await ErrorOfAsync(() => device.WriteZeroesAsync(0, 1, ZeroOptions.None, None).AsTask()));
        await device.FlushAsync(None);
    }

    [Fact]
    public async Task A_damaged_block_fails_its_reads_and_no_others()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image(1);
        var device = DeviceOf(repository, await repository.BackUpAsync(image));
        var place = repository.Index.Locate([TestRepository.DigestOf(image, 5)])[0];
        repository.Objects.Flip(place.Pack!, (place.Block.Offset * 8) + 77);

        Assert.Equal(BlockDeviceError.InputOutput, await ErrorOfAsync(() => device.ReadAsync((5 * BlockBytes) - 1, new byte[2], None).AsTask()));

        var buffer = new byte[5 * BlockBytes];
        await device.ReadAsync(0, buffer, None);
        Assert.True(image.AsSpan(0, buffer.Length).SequenceEqual(buffer));
        await device.ReadAsync(6 * BlockBytes, buffer, None);
        Assert.True(image.AsSpan(6 * BlockBytes, buffer.Length).SequenceEqual(buffer));
    }

    [Fact]
    public async Task A_tree_that_cannot_be_read_fails_reads_and_allocation()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image(1));
        repository.Objects.Objects.TryRemove(repository.PackOf(point.Root), out _);
        repository.Data.ForgetNodes();
        var device = DeviceOf(repository, point);

        Assert.Equal(BlockDeviceError.InputOutput, await ErrorOfAsync(() => device.ReadAsync(0, new byte[1], None).AsTask()));
        Assert.Equal(BlockDeviceError.InputOutput, await ErrorOfAsync(() => device.QueryAllocationAsync(0, 1, new AllocationRun[1], None).AsTask()));
    }

    /// <summary>What was read once is not read from the repository again while the cache has room for it.</summary>
    [Fact]
    public async Task The_cache_serves_what_it_holds_and_holds_no_more_than_it_may()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image(1);
        var device = DeviceOf(repository, await repository.BackUpAsync(image), cacheBytes: 4 * BlockBytes);
        var pack = repository.PackOf(TestRepository.DigestOf(image, 0));
        int Reads(int block)
        {
            repository.Store.Reads.Clear();
            device.ReadAsync(block * BlockBytes, new byte[1], None).AsTask().GetAwaiter().GetResult();
            return repository.Store.Reads.Count(k => k == pack);
        }

        Assert.Equal([1, 1, 1, 1, 0, 0, 0, 0], new[] { 0, 1, 2, 3, 0, 1, 2, 3 }.Select(Reads));
        Assert.Equal([1, 0, 0, 0, 1], new[] { 4, 1, 2, 3, 0 }.Select(Reads));
    }

    [Fact]
    public async Task Opening_a_point_reads_nothing()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image(1));
        repository.Store.Reads.Clear();

        DeviceOf(repository, point);

        Assert.Empty(repository.Store.Reads);
    }

    [Fact]
    public async Task Who_reads_in_sequence_finds_the_next_blocks_in_memory()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(5, 120 * BlockBytes);
        var device = DeviceOf(repository, await repository.BackUpAsync(image));
        var buffer = new byte[2 * BlockBytes];
        for (var block = 0; block < 60; block += 2)
        {
            await device.ReadAsync(block * BlockBytes, buffer, None);
            await device.ReadingAhead;
        }

        repository.Store.Reads.Clear();
        for (var block = 60; block < 120; block += 2)
        {
            await device.ReadAsync(block * BlockBytes, buffer, None);
            Assert.True(image.AsSpan(block * BlockBytes, buffer.Length).SequenceEqual(buffer));
        }

        Assert.Empty(repository.Store.Reads);
    }

    [Fact]
    public async Task Readers_of_all_points_of_a_repository_fetch_a_block_once()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(6, 8 * BlockBytes);
        var blocks = new SharedBlocks(repository.Data);
        var devices = new[] { await repository.BackUpAsync(image), await repository.BackUpAsync(image) }.Select(p => new PointDevice(repository.Data, p, blocks)).ToArray();
        var pack = repository.PackOf(TestRepository.DigestOf(image, 3));
        var buffers = Enumerable.Range(0, 16).Select(_ => new byte[BlockBytes]).ToArray();
        repository.Store.Reads.Clear();

        await Task.WhenAll(buffers.Select((b, i) => Task.Run(async () => await devices[i % 2].ReadAsync(3 * BlockBytes, b, None))));

        Assert.Equal(1, repository.Store.Reads.Count(k => k == pack));
        Assert.All(buffers, b => Assert.True(image.AsSpan(3 * BlockBytes, BlockBytes).SequenceEqual(b)));
    }

    [Fact]
    public async Task A_fetch_that_failed_is_tried_again()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Content.Noise(6, 8 * BlockBytes);
        var device = DeviceOf(repository, await repository.BackUpAsync(image));
        repository.Store.ReadFault = _ => new StorageException(StorageError.InputOutput, "injected");
        Assert.Equal(BlockDeviceError.InputOutput, await ErrorOfAsync(() => device.ReadAsync(0, new byte[3 * BlockBytes], None).AsTask()));
        repository.Store.ReadFault = null;

        var buffer = new byte[3 * BlockBytes];
        await device.ReadAsync(0, buffer, None);

        Assert.True(image.AsSpan(0, buffer.Length).SequenceEqual(buffer));
    }

    private static PointDevice DeviceOf(TestRepository repository, RecoveryPoint point, long cacheBytes = SharedBlocks.DefaultCacheBytes) =>
        new(repository.Data, point, new SharedBlocks(repository.Data, cacheBytes));

    private static bool IsZero(byte[] image, long block) => TestRepository.BlockOf(image, block).AsSpan().IndexOfAnyExcept((byte)0) < 0;

    private static async Task<BlockDeviceError> ErrorOfAsync(Func<Task> call) => (await Assert.ThrowsAsync<BlockDeviceException>(call)).Error;

    /// <summary>Runs of noise, of text and of zeroes; the last block is not whole. The first ten blocks are noise.</summary>
    private static byte[] Image(int seed)
    {
        var random = new Random(seed);
        var image = new byte[(200 * BlockBytes) - 1000];
        for (var block = 0; block < 200;)
        {
            var end = Math.Min(200, block + 1 + (block == 0 ? 11 : random.Next(12)));
            var kind = block == 0 ? 0 : random.Next(3);
            for (; block < end; block++)
            {
                var bytes = kind == 0 ? Content.Noise(block, BlockBytes) : kind == 1 ? Content.Text(block % 5, BlockBytes) : new byte[BlockBytes];
                bytes.AsSpan(0, Math.Min(BlockBytes, image.Length - (block * BlockBytes))).CopyTo(image.AsSpan(block * BlockBytes));
            }
        }

        return image;
    }
}
