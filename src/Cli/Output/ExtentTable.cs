using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>Extents for people.</summary>
public static class ExtentTable
{
    public static void WithStrip(TableWriter table, IReadOnlyList<ExtentResource> extents, long sizeBytes)
    {
        table.Line(BitmapStrip.Render(extents, sizeBytes));
        table.Line($"{ByteSize.Format(extents.Sum(e => e.Length))} of {ByteSize.Format(sizeBytes)} in {extents.Count} extents");
        Rows(table, extents);
    }

    public static void Rows(TableWriter table, IEnumerable<ExtentResource> extents) =>
        table.Rows(
            "nothing differs",
            [">OFFSET", ">LENGTH"],
            extents.Select(e => (IReadOnlyList<string>)
                [e.Offset.ToString(CultureInfo.InvariantCulture), e.Length.ToString(CultureInfo.InvariantCulture)]));
}
