using System.Globalization;
using ActorBackup.Api;

namespace ActorBackup.Cli.Values;

/// <summary>Times and durations as people write and read them.</summary>
public static class TimeText
{
    public const string Rule = "write seconds, or a number with s, m, h or d, such as 90, 5m or 24h";

    private const double MostSeconds = 3650 * 86400.0;

    /// <summary><c>90</c>, <c>1.5s</c>, <c>5m</c>, <c>24h</c>, <c>7d</c>.</summary>
    public static bool TryParse(string? text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var span = text.AsSpan().Trim();
        if (span.IsEmpty)
        {
            return false;
        }

        double? factor = span[^1] switch
        {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            _ => null,
        };
        if (!double.TryParse(factor is null ? span : span[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        var seconds = number * (factor ?? 1);
        if (seconds is not (>= 0 and <= MostSeconds))
        {
            // NaN is no number here, although it parses as one.
            return false;
        }

        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary><c>0:07</c>, <c>12:30</c>, <c>1:02:03</c>, <c>3d 04:00</c>.</summary>
    public static string Format(TimeSpan duration) =>
        duration.TotalDays >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{(int)duration.TotalDays}d {duration:hh\\:mm}")
        : duration.TotalHours >= 1 ? duration.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture)
        : duration.ToString(@"m\:ss", CultureInfo.InvariantCulture);

    public static string Format(DateTimeOffset? at) =>
        at?.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "-";

    /// <summary>As in JSON: nothing lost.</summary>
    public static string Exact(DateTimeOffset at) => at.ToUniversalTime().ToString(UtcTime.Format, CultureInfo.InvariantCulture);
}
