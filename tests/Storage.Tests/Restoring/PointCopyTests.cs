using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Restoring;
using ActorBackup.Storage.Tests.Support;
using CsCheck;

namespace ActorBackup.Storage.Tests.Restoring;

public sealed class PointCopyTests
{
    private const int BlockBytes = TestRepository.BlockBytes;
    private const int Blocks = 300;

    private static readonly CancellationToken None = CancellationToken.None;

    /// <summary>Whatever the disk holds, afterwards it holds the point, and only what differed was touched.</summary>
    [Fact]
    public async Task Only_blocks_that_differ_are_written()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        await Gen.Select(Gen.Int[0, Blocks - 1], Gen.Int[0, 3]).Array[0, 40].SampleAsync(
            async changes =>
            {
                var disk = new MemoryDisk([.. image], BlockBytes);
                foreach (var (block, kind) in changes)
                {
                    var bytes = disk.Content.AsSpan(block * BlockBytes, Math.Min(BlockBytes, image.Length - (block * BlockBytes)));
                    (kind == 0 ? new byte[BlockBytes] : Content.Noise((block * 10) + kind, BlockBytes)).AsSpan(0, bytes.Length).CopyTo(bytes);
                }

                var differed = Enumerable.Range(0, Blocks).Where(b => !TestRepository.BlockOf(image, b).AsSpan().SequenceEqual(TestRepository.BlockOf(disk.Content, b)));
                var expected = differed.Select(b => (long)b).ToHashSet();
                var progress = new RecordingProgress();

                await new PointCopy(repository.Data, point, new DeviceTarget(disk), progress).RunAsync(None);

                Assert.True(image.AsSpan().SequenceEqual(disk.Content));
                Assert.Equal(expected.Order(), disk.Changed.Order());
                Assert.Equal((image.Length, image.Length, 1), (progress.TotalBytes, progress.DoneBytes, disk.Flushes));
            },
            iter: 50,
            threads: 1);
    }

    [Fact]
    public async Task A_target_that_does_not_say_what_is_zero_is_zeroed_without_being_read_and_keeps_what_is_beyond_the_point()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var content = Content.Noise(99, image.Length + 5000);
        var disk = new MemoryDisk([.. content], BlockBytes);

        await new PointCopy(repository.Data, point, new BlindTarget(disk), new RecordingProgress()).RunAsync(None);

        Assert.True(image.AsSpan().SequenceEqual(disk.Content.AsSpan(0, image.Length)));
        Assert.True(content.AsSpan(image.Length).SequenceEqual(disk.Content.AsSpan(image.Length)));
        Assert.Equal(200, disk.Read.Count);
    }

    [Fact]
    public async Task A_copy_that_fails_is_not_flushed_and_the_next_one_writes_the_rest()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var disk = new MemoryDisk(new byte[image.Length], BlockBytes) { WriteFault = b => b == 250 ? new BlockDeviceException(BlockDeviceError.InputOutput, "injected") : null };
        await Assert.ThrowsAsync<BlockDeviceException>(() => new PointCopy(repository.Data, point, new DeviceTarget(disk), new RecordingProgress()).RunAsync(None));
        Assert.Equal(0, disk.Flushes);
        var before = disk.Changed.ToHashSet();
        disk.WriteFault = null;
        disk.Changed.Clear();

        await new PointCopy(repository.Data, point, new DeviceTarget(disk), new RecordingProgress()).RunAsync(None);

        Assert.True(image.AsSpan().SequenceEqual(disk.Content));
        Assert.Empty(disk.Changed.Intersect(before));
        Assert.Equal(200, disk.Changed.Count + before.Count);
    }

    /// <summary>100 blocks, a hole of 100, and 100 blocks of which the last is not whole.</summary>
    private static byte[] Image()
    {
        var image = new byte[(Blocks * BlockBytes) - 512];
        Content.Noise(1, 100 * BlockBytes).CopyTo(image, 0);
        Content.Noise(2, (100 * BlockBytes) - 512).CopyTo(image, 200 * BlockBytes);
        return image;
    }

    /// <summary>Everything may be data, as on a block device.</summary>
    private sealed class BlindTarget(MemoryDisk disk) : IRestoreTarget
    {
        private readonly DeviceTarget _inner = new(disk);

        public bool LooksBeforeZeroing => false;

        public ValueTask<(long Start, long End)> NextDataAsync(long offset, long limit, CancellationToken cancellation) =>
            ValueTask.FromResult((offset, disk.SizeBytes));

        public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) => _inner.ReadAsync(offset, buffer, cancellation);

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation) => _inner.WriteAsync(offset, data, cancellation);

        public ValueTask ZeroAsync(long offset, long length, CancellationToken cancellation) => _inner.ZeroAsync(offset, length, cancellation);

        public ValueTask FlushAsync(CancellationToken cancellation) => _inner.FlushAsync(cancellation);
    }
}
