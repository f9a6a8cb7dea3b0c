using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Tests.Transport;

public sealed class BufferPoolTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(BufferPool.SmallBytes)]
    [InlineData(BufferPool.SmallBytes + 1)]
    [InlineData(BufferPool.LargeBytes)]
    [InlineData(BufferPool.LargeBytes + 1)]
    [InlineData((32 << 20) + 28)]
    [InlineData((32 << 20) + 5000)]
    public void A_buffer_is_at_least_as_large_as_asked(int sizeBytes)
    {
        var buffer = new BufferPool().Rent(sizeBytes);
        Assert.True(buffer.Array.Length >= sizeBytes);
        Assert.Equal(0, buffer.FilledBytes);
        Assert.False(buffer.IsShared);
        buffer.Release();
    }

    [Fact]
    public void The_last_release_returns_a_buffer_and_the_next_rent_gets_it()
    {
        var pool = new BufferPool();
        var buffer = pool.Rent(100);
        buffer.FilledBytes = 5;
        buffer.Retain();
        Assert.True(buffer.IsShared);
        buffer.Release();
        Assert.False(buffer.IsShared);
        Assert.NotSame(buffer, pool.Rent(100));
        buffer.Release();
        Assert.Same(buffer, pool.Rent(100));
        Assert.Equal(0, buffer.FilledBytes);
    }

    [Fact]
    public void No_more_buffers_of_a_size_are_kept_than_planned()
    {
        var pool = new BufferPool();
        var rented = Enumerable.Range(0, 20).Select(_ => pool.Rent(200_000)).ToHashSet();
        Assert.Equal(20, rented.Count);
        foreach (var buffer in rented)
        {
            buffer.Release();
        }

        Assert.Equal(16, Enumerable.Range(0, 20).Count(_ => rented.Contains(pool.Rent(200_000))));
    }

    [Fact]
    public void A_buffer_beyond_all_sizes_is_not_kept()
    {
        var pool = new BufferPool();
        var buffer = pool.Rent(40 << 20);
        buffer.Release();
        Assert.NotSame(buffer, pool.Rent(40 << 20));
    }

    [Fact]
    public void What_does_not_fit_any_more_is_collected_once_there_is_much_of_it()
    {
        var clock = new ManualClock();
        var collected = 0;
        var pool = new BufferPool(clock, () => collected++);
        Drop(BufferPool.GarbageBytesMax / 2);
        clock.Pass(BufferPool.CollectDelay);
        Assert.Equal(0, collected);

        Drop(BufferPool.GarbageBytesMax);
        Assert.Equal(0, collected);
        clock.Pass(BufferPool.CollectDelay);
        Assert.Equal(1, collected);

        Drop(BufferPool.GarbageBytesMax / 2);
        Drop(BufferPool.GarbageBytesMax);
        clock.Pass(BufferPool.CollectDelay);
        Assert.Equal(2, collected);

        void Drop(long bytes)
        {
            // Larger than any that is kept.
            const int Size = 40 << 20;
            for (; bytes > 0; bytes -= Size)
            {
                pool.Rent(Size).Release();
            }
        }
    }
}
