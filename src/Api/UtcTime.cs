using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ActorBackup.Api;

/// <summary>Times as RFC 3339 in UTC with a trailing Z and no precision lost: <c>2026-11-23T04:00:00Z</c>.</summary>
public sealed class UtcTime : JsonConverter<DateTimeOffset>
{
    public const string Format = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'";

    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToUniversalTime().ToString(Format, CultureInfo.InvariantCulture));
}
