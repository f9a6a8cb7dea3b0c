using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class DirtyBitmapContextTests
{
    private const long SizeBytes = 10_000;

    private readonly DirtyBitmap _bits = new(new BlockGeometry(SizeBytes, 1024));

    [Fact]
    public void Its_name_is_qemus() => Assert.Equal("qemu:dirty-bitmap:täglich", new DirtyBitmapContext("täglich", new Fixed(_bits)).Name);

    [Fact]
    public void Contexts_of_one_name_over_the_same_bits_are_the_same()
    {
        Assert.Equal(new DirtyBitmapContext("b", new Fixed(_bits)), new DirtyBitmapContext("b", new Fixed(_bits)));
        Assert.NotEqual(new DirtyBitmapContext("b", new Fixed(_bits)), new DirtyBitmapContext("c", new Fixed(_bits)));
        Assert.NotEqual(new DirtyBitmapContext("b", new Fixed(_bits)), new DirtyBitmapContext("b", new Fixed(_bits.Clone())));
    }

    [Fact]
    public void Runs_alternate_and_are_cut_to_the_range()
    {
        _bits.MarkRange(1, 3);
        _bits.Mark(9);

        Assert.Equal([(1024L, 0u), (2048L, 1u), (6144L, 0u), (784L, 1u)], Query(0, SizeBytes));
        Assert.Equal([(1L, 1u), (1L, 0u)], Query(3071, 2));
        Assert.Equal([(100L, 1u)], Query(1500, 100));
        Assert.Equal([(10L, 0u)], Query(5000, 10));
    }

    [Fact]
    public void It_fills_no_more_than_there_is_room_for_and_asking_again_goes_on()
    {
        _bits.MarkRange(1, 3);

        Assert.Equal([(1024L, 0u)], Query(0, SizeBytes, room: 1));
        Assert.Equal([(2048L, 1u)], Query(1024, SizeBytes - 1024, room: 1));
    }

    [Fact]
    public void What_is_marked_meanwhile_is_seen_by_the_next_query()
    {
        Assert.Equal([(SizeBytes, 0u)], Query(0, SizeBytes));
        _bits.MarkAll();
        Assert.Equal([(SizeBytes, 1u)], Query(0, SizeBytes));
    }

    [Fact]
    public async Task Bits_that_are_gone_fail_the_request()
    {
        var context = new DirtyBitmapContext("b", new Gone());
        await Assert.ThrowsAsync<BlockDeviceException>(() => context.QueryAsync(0, 1, new StatusRun[1], CancellationToken.None).AsTask());
    }

    /// <summary>Whatever is set in between, runs are never empty and cover the range: a client goes on from where they end.</summary>
    [Fact]
    public async Task Runs_stay_whole_while_others_mark()
    {
        var bits = new DirtyBitmap(new BlockGeometry(1 << 20, 16));
        var context = new DirtyBitmapContext("b", new Fixed(bits));
        var marking = Task.Run(() =>
        {
            var random = new Random(3);
            for (var i = 0; i < 200_000; i++)
            {
                bits.Mark(random.NextInt64(bits.BlockCount));
            }
        });
        var runs = new StatusRun[16];
        for (var position = 0L; !marking.IsCompleted || position != 0; position %= 1 << 20)
        {
            var count = await context.QueryAsync(position, (1 << 20) - position, runs, CancellationToken.None);
            Assert.InRange(count, 1, runs.Length);
            Assert.All(runs[..count], r => Assert.True(r.Length > 0));
            position += runs[..count].Sum(r => r.Length);
            Assert.True(position <= 1 << 20);
        }

        await marking;
    }

    private List<(long Length, uint Flags)> Query(long offset, long length, int room = 64)
    {
        var runs = new StatusRun[room];
        var count = new DirtyBitmapContext("b", new Fixed(_bits)).QueryAsync(offset, length, runs, CancellationToken.None).Result;
        return [.. runs[..count].Select(r => (r.Length, r.Flags))];
    }

    private sealed record Fixed(DirtyBitmap Bits) : IDirtyBlocks
    {
        public DirtyBitmap Now() => Bits;
    }

    private sealed record Gone : IDirtyBlocks
    {
        public DirtyBitmap Now() => throw new BlockDeviceException(BlockDeviceError.InputOutput, "gone");
    }
}
