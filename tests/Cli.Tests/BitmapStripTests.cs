using ActorBackup.Api;
using ActorBackup.Cli.Output;
using CsCheck;

namespace ActorBackup.Cli.Tests;

public sealed class BitmapStripTests
{
    [Fact]
    public void The_first_quarter_is_drawn_first() =>
        Assert.Equal("██······", BitmapStrip.Render([new ExtentResource(0, 256)], 1024, 8));

    [Fact]
    public void The_shade_says_how_much() =>
        Assert.Equal("░▒▓█", BitmapStrip.Render([new(0, 1), new(100, 10), new(200, 50), new(300, 100)], 400, 4));

    [Fact]
    public void A_disk_smaller_than_the_strip_is_drawn_whole() =>
        Assert.DoesNotContain('█', BitmapStrip.Render([], 3, 8));

    [Fact]
    public void The_largest_disk_does_not_overflow() =>
        Assert.Equal("·······█", BitmapStrip.Render([new ExtentResource(long.MaxValue / 8 * 7 + 8, long.MaxValue / 8 - 8)], long.MaxValue, 8));

    /// <summary>Against counting byte by byte: a strip never hides a dirty byte and never shows a clean share as dirty.</summary>
    [Fact]
    public void A_strip_shows_exactly_the_shares_that_have_dirty_bytes() =>
        Gen.Select(Gen.Int[1, 300], Gen.Int[1, 40], Gen.Int[0, 299].Array[0, 6]).Sample((size, width, offsets) =>
        {
            var dirty = offsets.Where(o => o < size).Distinct().ToArray();
            var strip = BitmapStrip.Render(dirty.Select(o => new ExtentResource(o, 1)), size, width);
            for (var i = 0; i < width; i++)
            {
                var (from, to) = ((long)size * i / width, (long)size * (i + 1) / width);
                Assert.Equal(dirty.Any(o => o >= from && o < to), strip[i] != '·');
            }
        });
}
