using ActorBackup.Actors.Jobs;

namespace ActorBackup.Actors.Tests.Jobs;

public class RateLimitTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualClock _clock = new();
    private readonly DateTimeOffset _began;

    public RateLimitTests() => _began = _clock.GetUtcNow();

    [Fact]
    public void Without_a_rate_nobody_waits()
    {
        var rate = new RateLimit(_clock, 0);

        Assert.All(Enumerable.Range(0, 100), _ => Assert.True(rate.TakeAsync(1 << 30, default).IsCompletedSuccessfully));
    }

    [Fact]
    public async Task The_second_taker_waits_for_the_first_ones_span()
    {
        var rate = new RateLimit(_clock, 1000);
        Assert.True(rate.TakeAsync(1000, default).IsCompletedSuccessfully);

        var start = _clock.GetUtcNow();
        var second = rate.TakeAsync(1000, default).AsTask();
        Assert.False(second.IsCompleted);
        await _clock.AdvanceUntilAsync(second, TimeSpan.FromMilliseconds(10));

        Assert.True(_clock.GetUtcNow() - start >= TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_000_000_000_000_000)]
    public async Task A_new_rate_frees_who_waits_at_once(long bytesPerSecond)
    {
        var rate = new RateLimit(_clock, 1);
        Assert.True(rate.TakeAsync(1_000_000, default).IsCompletedSuccessfully);
        var waiting = rate.TakeAsync(1_000_000, default).AsTask();
        var behind = rate.TakeAsync(1, default).AsTask();

        rate.Set(bytesPerSecond);
        if (bytesPerSecond > 0)
        {
            await _clock.AdvanceUntilAsync(Task.WhenAll(waiting, behind), TimeSpan.FromMilliseconds(1)).WaitAsync(Patience);
            Assert.InRange(_clock.GetUtcNow() - _began, TimeSpan.Zero, TimeSpan.FromMilliseconds(10));
        }

        await Task.WhenAll(waiting, behind).WaitAsync(Patience);
    }

    [Fact]
    public async Task A_lower_rate_holds_who_waits()
    {
        var rate = new RateLimit(_clock, 1000);
        Assert.True(rate.TakeAsync(1000, default).IsCompletedSuccessfully);
        var waiting = rate.TakeAsync(1, default).AsTask();

        _clock.Advance(TimeSpan.FromMilliseconds(500));
        rate.Set(10);
        await _clock.AdvanceUntilAsync(waiting, TimeSpan.FromMilliseconds(100)).WaitAsync(Patience);

        // Half of the thousand bytes at the old rate, the other half at the new one.
        Assert.InRange(_clock.GetUtcNow() - _began, TimeSpan.FromSeconds(50.5), TimeSpan.FromSeconds(50.7));
    }

    /// <summary>A timer knows whole milliseconds; of less it makes nothing, and the clock has not moved when it has fired.</summary>
    [Fact]
    public async Task Who_waits_for_less_than_a_millisecond_does_not_turn_round()
    {
        var rate = new RateLimit(_clock, 1_000_000);
        await rate.TakeAsync(100, default);
        var looks = _clock.Looks;

        var waiting = Task.Run(async () => await rate.TakeAsync(100, default));
        await _clock.AwaitTimersAsync(1).WaitAsync(Patience);

        Assert.InRange(_clock.Looks - looks, 1, 5);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await waiting.WaitAsync(Patience);
    }

    [Fact]
    public async Task The_rate_is_kept_on_average_however_late_timers_and_reads_are()
    {
        const int Block = 4096;
        const long BytesPerSecond = 10_000_000;
        var rate = new RateLimit(_clock, BytesPerSecond);
        var read = 0L;
        using var stop = new CancellationTokenSource();
        var workers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (true)
            {
                await rate.TakeAsync(Block, stop.Token);
                Interlocked.Add(ref read, Block);
            }
        })).ToArray();

        for (var late = 0; _clock.GetUtcNow() - _began < TimeSpan.FromSeconds(20); late = (late + 7) % 19)
        {
            // Everybody waits; then time goes on beyond what they wait for.
            await _clock.AwaitTimersAsync(workers.Length).WaitAsync(Patience);
            _clock.Jump(TimeSpan.FromMilliseconds(1 + late));
            _clock.Advance(TimeSpan.Zero);
        }

        await _clock.AwaitTimersAsync(workers.Length).WaitAsync(Patience);
        var due = (_clock.GetUtcNow() - _began).TotalSeconds * BytesPerSecond;
        Assert.InRange(read, due - (workers.Length * Block), due + (workers.Length * Block));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(workers));
    }

    [Fact]
    public async Task Who_was_idle_does_not_make_up_for_it()
    {
        var rate = new RateLimit(_clock, 1000);
        _clock.Advance(TimeSpan.FromHours(1));

        Assert.True(rate.TakeAsync(1000, default).IsCompletedSuccessfully);
        var second = rate.TakeAsync(1000, default).AsTask();
        var idle = _clock.GetUtcNow();
        await _clock.AdvanceUntilAsync(second, TimeSpan.FromMilliseconds(10)).WaitAsync(Patience);

        Assert.InRange(_clock.GetUtcNow() - idle, TimeSpan.FromMilliseconds(900), TimeSpan.FromMilliseconds(1000));
    }

    [Fact]
    public async Task Cancelling_ends_the_wait()
    {
        var rate = new RateLimit(_clock, 1);
        await rate.TakeAsync(1_000_000, default);
        using var stop = new CancellationTokenSource();
        var waiting = rate.TakeAsync(1, stop.Token).AsTask();

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }
}
