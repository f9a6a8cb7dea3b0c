using System.Buffers;
using System.Globalization;

namespace ActorBackup.Cli.Values;

/// <summary>Sizes as people write them: <c>512</c>, <c>64K</c>, <c>1M</c>, <c>2GiB</c>. Units are powers of 1024.</summary>
public static class ByteSize
{
    public const string Rule = "write bytes, or a number with K, M, G or T (powers of 1024), such as 64K or 2GiB";

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>False for anything negative, fractional bytes, unknown units and overflow.</summary>
    public static bool TryParse(string? text, out long bytes)
    {
        bytes = 0;
        var span = text.AsSpan().Trim();
        var digits = span.IndexOfAnyExcept(Digits);
        var number = digits < 0 ? span : span[..digits];
        var unit = digits < 0 ? [] : span[digits..].Trim();
        if (Shift(unit) is not { } shift
            || !decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            || value > long.MaxValue >> shift)
        {
            return false;
        }

        value *= 1L << shift;
        bytes = (long)value;
        return bytes == value;
    }

    /// <summary>Three significant figures and a binary unit: <c>1.50 GiB</c>.</summary>
    public static string Format(long bytes)
    {
        var unit = 0;
        var value = (double)bytes;
        while (Math.Abs(value) >= 1024 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        var digits = unit == 0 ? "0" : Math.Abs(value) < 10 ? "0.00" : Math.Abs(value) < 100 ? "0.0" : "0";
        return string.Create(CultureInfo.InvariantCulture, $"{value.ToString(digits, CultureInfo.InvariantCulture)} {Units[unit]}");
    }

    private static int? Shift(ReadOnlySpan<char> unit) =>
        unit switch
        {
            "" or "B" or "b" => 0,
            "K" or "k" or "KiB" or "kib" => 10,
            "M" or "m" or "MiB" or "mib" => 20,
            "G" or "g" or "GiB" or "gib" => 30,
            "T" or "t" or "TiB" or "tib" => 40,
            _ => null,
        };
}
