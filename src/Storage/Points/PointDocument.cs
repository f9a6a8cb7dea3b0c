using System.Text.Json.Serialization;

namespace ActorBackup.Storage.Points;

/// <summary>A point's payload. Field names and their order are part of the format.</summary>
/// <param name="Id">Of the point and of its job.</param>
/// <param name="Disk">Name.</param>
/// <param name="Job">Name.</param>
/// <param name="Group">Null = none.</param>
/// <param name="Base">Null = none.</param>
/// <param name="CreatedAtUnixMs">The instant of the content.</param>
/// <param name="SizeBytes">Of the disk.</param>
/// <param name="BlockBytes">Of the disk.</param>
/// <param name="Root">64 hexadecimal digits.</param>
/// <param name="Missing">First and count, by turns.</param>
/// <param name="Aborted">True, or absent.</param>
internal sealed record PointDocument(
    string Id,
    string Disk,
    string Job,
    string? Group,
    string? Base,
    long CreatedAtUnixMs,
    long SizeBytes,
    int BlockBytes,
    string Root,
    long[] Missing,
    bool? Aborted = null);

/// <summary>What lies at the key of a job that may not publish any more.</summary>
internal sealed record TombstoneDocument(string Id, long BuriedAtUnixMs);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PointDocument))]
[JsonSerializable(typeof(TombstoneDocument))]
internal sealed partial class PointJson : JsonSerializerContext;
