using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Tests;

public sealed class TimeTextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("90", 90)]
    [InlineData("1.5s", 1.5)]
    [InlineData("5m", 300)]
    [InlineData("24h", 86400)]
    [InlineData("7d", 604800)]
    public void A_duration_is_read(string text, double seconds)
    {
        Assert.True(TimeText.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("-1")]
    [InlineData("1w")]
    [InlineData("999999d")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("-Infinity")]
    [InlineData("NaNd")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(TimeText.TryParse(text, out _));

    [Theory]
    [InlineData(7, "0:07")]
    [InlineData(750, "12:30")]
    [InlineData(3723, "1:02:03")]
    [InlineData(273600, "3d 04:00")]
    public void A_duration_is_shown(int seconds, string text) => Assert.Equal(text, TimeText.Format(TimeSpan.FromSeconds(seconds)));
}
