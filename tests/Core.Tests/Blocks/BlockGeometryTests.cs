using ActorBackup.Core.Blocks;
using CsCheck;

namespace ActorBackup.Core.Tests.Blocks;

public sealed class BlockGeometryTests
{
    [Theory]
    [InlineData(0, 512, 0)]
    [InlineData(1, 512, 1)]
    [InlineData(512, 512, 1)]
    [InlineData(513, 512, 2)]
    [InlineData(1L << 46, 65536, 1L << 30)]
    public void The_last_block_may_be_partial(long sizeBytes, long blockBytes, long blocks) =>
        Assert.Equal(blocks, new BlockGeometry(sizeBytes, blockBytes).BlockCount);

    [Theory]
    [InlineData(0)]
    [InlineData(-512)]
    [InlineData(513)]
    [InlineData(3)]
    public void A_block_is_a_power_of_two(long blockBytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new BlockGeometry(4096, blockBytes));

    [Fact]
    public void A_disk_has_no_negative_size() => Assert.Throws<ArgumentOutOfRangeException>(() => new BlockGeometry(-1, 512));

    [Fact]
    public void Blocks_tile_the_disk() =>
        Gen.Select(Gen.Long[1, 1 << 24], Gen.Int[9, 22]).Sample((sizeBytes, shift) =>
        {
            var geometry = new BlockGeometry(sizeBytes, 1L << shift);
            var end = 0L;
            for (var block = 0L; block < geometry.BlockCount; block++)
            {
                var extent = geometry.ExtentOf(block);
                Assert.Equal(end, extent.Offset);
                Assert.InRange(extent.Length, 1, geometry.BlockBytes);
                Assert.Equal(block, geometry.IndexOf(extent.Offset));
                Assert.Equal(block, geometry.IndexOf(extent.End - 1));
                end = extent.End;
            }

            Assert.Equal(sizeBytes, end);
        }, iter: 200, threads: 1);

    [Fact]
    public void A_byte_range_touches_every_block_that_shares_a_byte_with_it_and_no_other() =>
        Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, 100_000], Gen.Int[9, 14]).Sample((offset, length, shift) =>
        {
            var geometry = new BlockGeometry(200_000, 1L << shift);

            var (first, end) = geometry.Touched(offset, length);

            for (var block = 0L; block < geometry.BlockCount; block++)
            {
                var extent = geometry.ExtentOf(block);
                var shares = length > 0 && extent.Offset < offset + length && offset < extent.End;
                Assert.Equal(shares, first <= block && block < end);
            }
        }, iter: 1_000, threads: 1);

    [Theory]
    [InlineData(2048, false)]
    [InlineData(4096, true)]
    [InlineData(65536, true)]
    [InlineData(65537, false)]
    [InlineData(4 << 20, true)]
    [InlineData(8 << 20, false)]
    [InlineData(0, false)]
    [InlineData(-4096, false)]
    public void A_disks_block_is_4_KiB_to_4_MiB(long bytes, bool valid) => Assert.Equal(valid, Granularity.IsValidForDisk(bytes));

    [Theory]
    [InlineData(256, false)]
    [InlineData(512, true)]
    [InlineData(513, false)]
    [InlineData(1L << 31, true)]
    [InlineData(1L << 32, false)]
    [InlineData(0, false)]
    public void A_bitmaps_granularity_is_512_bytes_to_2_GiB(long bytes, bool valid) => Assert.Equal(valid, Granularity.IsValidForBitmap(bytes));
}
