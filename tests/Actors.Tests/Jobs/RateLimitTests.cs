using ActorBackup.Actors.Jobs;

namespace ActorBackup.Actors.Tests.Jobs;

public class RateLimitTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void Without_a_rate_nobody_waits()
    {
        var rate = new RateLimit(_clock, 0);

        Assert.All(Enumerable.Range(0, 100), _ => Assert.True(rate.TakeAsync(1 << 30, default).IsCompletedSuccessfully));
    }

    [Fact]
    public void The_second_taker_waits_for_the_first_ones_span()
    {
        var rate = new RateLimit(_clock, 1000);
        Assert.True(rate.TakeAsync(1000, default).IsCompletedSuccessfully);

        var second = rate.TakeAsync(1000, default).AsTask();
        _clock.Advance(TimeSpan.FromMilliseconds(900));
        Assert.False(second.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(200));

        Assert.True(second.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_new_rate_frees_who_waits_within_a_step()
    {
        var rate = new RateLimit(_clock, 1);
        Assert.True(rate.TakeAsync(1_000_000, default).IsCompletedSuccessfully);
        var waiting = rate.TakeAsync(1, default).AsTask();

        rate.Set(0);
        _clock.Advance(TimeSpan.FromMilliseconds(100));

        Assert.True(waiting.IsCompletedSuccessfully);
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
