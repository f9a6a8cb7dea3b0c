using ActorBackup.Api;

namespace ActorBackup.Cli.Output;

/// <summary>Dirty extents of a disk as a strip of characters, one per equal share of the disk.</summary>
/// <remarks>
/// A share with nothing dirty is '·', one with a little '░', up to a quarter '▒', up to three quarters '▓', and more '█'.
/// A single dirty byte shows: a strip may claim too much but never too little.
/// </remarks>
/// <example>A disk of 8 shares with its first quarter dirty: <c>██······</c>.</example>
public static class BitmapStrip
{
    public const int DefaultWidth = 64;

    /// <param name="extents">Sorted or not, within the disk.</param>
    /// <param name="sizeBytes">Size of the disk.</param>
    /// <param name="width">Characters.</param>
    public static string Render(IEnumerable<ExtentResource> extents, long sizeBytes, int width = DefaultWidth)
    {
        var dirty = new long[width];
        if (sizeBytes > 0)
        {
            foreach (var extent in extents)
            {
                Spread(dirty, extent, sizeBytes);
            }
        }

        return string.Create(width, (dirty, sizeBytes), static (text, state) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                var share = Edge(i + 1, state.sizeBytes, text.Length) - Edge(i, state.sizeBytes, text.Length);
                text[i] = Shade(state.dirty[i], share);
            }
        });
    }

    /// <summary>First byte of a share. The product of a disk's size and a screen's width needs more than 64 bits.</summary>
    private static long Edge(int share, long sizeBytes, int width) => (long)((Int128)sizeBytes * share / width);

    private static void Spread(long[] dirty, ExtentResource extent, long sizeBytes)
    {
        var end = Math.Min(extent.Offset + extent.Length, sizeBytes);
        var share = (int)((Int128)extent.Offset * dirty.Length / sizeBytes);
        for (var at = extent.Offset; at < end && share < dirty.Length; share++)
        {
            var edge = Math.Min(end, Edge(share + 1, sizeBytes, dirty.Length));
            dirty[share] += Math.Max(0, edge - at);
            at = Math.Max(at, edge);
        }
    }

    private static char Shade(long dirty, long share) =>
        ((double)dirty / Math.Max(1, share)) switch
        {
            <= 0 => '·',
            < 0.05 => '░',
            < 0.25 => '▒',
            < 0.75 => '▓',
            _ => '█',
        };
}
