using ActorBackup.Cli.Values;
using CsCheck;

namespace ActorBackup.Cli.Tests;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("512", 512)]
    [InlineData("64K", 65536)]
    [InlineData("64k", 65536)]
    [InlineData("1M", 1048576)]
    [InlineData("2GiB", 2147483648)]
    [InlineData("1.5K", 1536)]
    [InlineData("8 MiB", 8388608)]
    [InlineData("1T", 1099511627776)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void A_size_is_read(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out var read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("K")]
    [InlineData("-1")]
    [InlineData("1KB")]
    [InlineData("1Q")]
    [InlineData("0.3")]
    [InlineData("1..5K")]
    [InlineData("0x10")]
    [InlineData("1e3")]
    [InlineData("9223372036854775808")]
    [InlineData("8388608T")]
    [InlineData("99999999999999999999999999999999999999T")]
    public void What_is_no_size_is_refused(string? text) => Assert.False(ByteSize.TryParse(text, out _));

    [Fact]
    public void Every_size_survives_being_written_in_bytes() =>
        Gen.Long[0, long.MaxValue].Sample(bytes => ByteSize.TryParse($"{bytes}", out var read) && read == bytes);

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.00 KiB")]
    [InlineData(65536, "64.0 KiB")]
    [InlineData(1610612736, "1.50 GiB")]
    [InlineData(long.MaxValue, "8192 PiB")]
    public void A_size_is_shown_in_the_unit_that_fits(long bytes, string text) => Assert.Equal(text, ByteSize.Format(bytes));
}
