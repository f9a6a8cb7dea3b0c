using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Tests;

public sealed class JobTextTests
{
    [Fact]
    public void Progress_has_every_figure()
    {
        var clock = new StillClock();
        var rate = new ProgressRate(clock);
        rate.Add(0);
        clock.Advance(TimeSpan.FromSeconds(2));
        rate.Add(1 << 19);

        Assert.Equal(
            "copying  50% ██████████·········· 512 KiB of 1.00 MiB  256 KiB/s  0:02 left  dirty 512 KiB  sent 256 KiB  reused 0 B  zero 0 B",
            JobText.Progress(Resources.Job() with { Phase = "copying" }, rate));
        Assert.Equal(
            "copying  50%  256 KiB/s  0:02 left  dirty 512 KiB  sent 256 KiB  reused 0 B  zero 0 B",
            JobText.Progress(Resources.Job() with { Phase = "copying" }, rate, width: 90));
    }

    [Fact]
    public void A_job_is_done_only_when_nothing_is_left()
    {
        var job = Resources.Job() with { BytesTotal = 1_000_000, BytesDone = 999_999 };
        Assert.Equal(99, JobText.Percent(job));
        Assert.Equal(100, JobText.Percent(job with { BytesDone = 1_000_000 }));
        Assert.Equal(0, JobText.Percent(job with { BytesTotal = 0, BytesDone = 0 }));
        Assert.Equal(100, JobText.Percent(job with { BytesTotal = 0, BytesDone = 0, Status = "concluded" }));
        Assert.Equal(50, JobText.Percent(job with { BytesTotal = long.MaxValue, BytesDone = (long.MaxValue / 2) + 1 }));
    }

    [Fact]
    public void The_rate_forgets_what_was_long_ago()
    {
        var clock = new StillClock();
        var rate = new ProgressRate(clock);
        rate.Add(0);
        Assert.Null(rate.BytesPerSecond);
        clock.Advance(TimeSpan.FromSeconds(100));
        rate.Add(0);
        for (var second = 1; second <= 20; second++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            rate.Add(second * 1000);
        }

        Assert.Equal(1000, rate.BytesPerSecond);
        Assert.Equal(TimeSpan.FromSeconds(5), rate.TimeFor(5000));
    }

    [Fact]
    public void An_end_names_the_point()
    {
        var job = Resources.Job("concluded", "success") with { EndedAt = DateTimeOffset.UnixEpoch.AddSeconds(12), Point = "01k2" };
        Assert.Equal(
            "backup 01k2 of db: success in 0:12, 512 KiB of 1.00 MiB, sent 256 KiB  reused 0 B  zero 0 B, point 01k2",
            JobText.Ended(job));
    }

    [Fact]
    public async Task A_log_gets_a_line_at_every_change_and_now_and_then()
    {
        var clock = new StillClock();
        var log = new StringWriter();
        var view = new SparseJobView(log, clock, new ProgressRate(clock));
        await view.ShowAsync(Resources.Job("created"));
        await view.ShowAsync(Resources.Job());
        for (var i = 0; i < 11; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await view.ShowAsync(Resources.Job());
        }

        Assert.Equal(4, log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task A_terminal_has_one_line_that_fits_and_is_erased_at_the_end()
    {
        var terminal = new StringWriter();
        var view = new LiveJobView(terminal, 40, new ProgressRate(new StillClock()));
        await view.ShowAsync(Resources.Job());
        view.End(Resources.Job("concluded", "success"));
        var drawn = terminal.ToString().Split("\r\u001b[K", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(39, Assert.Single(drawn).Length);
        Assert.EndsWith("\r\u001b[K", terminal.ToString());
    }

    private sealed class StillClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }
}
