using ActorBackup.Actors.Jobs;

namespace ActorBackup.Actors.Tests.Jobs;

public class RateLimitTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualClock _clock = new();

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

    [Fact]
    public async Task A_new_rate_frees_who_waits_within_a_step()
    {
        var rate = new RateLimit(_clock, 1);
        Assert.True(rate.TakeAsync(1_000_000, default).IsCompletedSuccessfully);
        var waiting = rate.TakeAsync(1, default).AsTask();

        rate.Set(0);
        _clock.Advance(TimeSpan.FromMilliseconds(100));

        await waiting.WaitAsync(Patience);
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
