using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ActorBackup.Api;

namespace ActorBackup.Cli.Tests;

/// <summary>The field names that scripts use. Fields may be added, never renamed.</summary>
public sealed class JsonFieldTests
{
    public static TheoryData<string, string> Promised => new()
    {
        { nameof(DiskResource), "id sizeBytes granularity backing nbdUri state stateReason host clients lastPoint lastSuccessAt" },
        { nameof(BitmapResource), "name granularity dirtyBytes recording busy persistent inconsistent base baseRepo baseState" },
        { nameof(ExtentResource), "offset length" },
        { nameof(RepositoryResource), "name url encrypted default points storedBytes logicalBytes" },
        {
            nameof(JobResource),
            "id kind disk repo status outcome dismissed sync requestedSync fallbackReason bitmap policy bytesTotal bytesDone bytesSent "
            + "bytesReused bytesZero error badExtents point group startedAt endedAt"
        },
        { nameof(PointResource), "id disk repo state missing createdAt sizeBytes root base job group" },
        { nameof(ExportResource), "id nbdUri" },
        { nameof(ClusterResource), "members unreachable leader" },
        { nameof(ClusterMemberResource), "address roles status host" },
    };

    [Theory]
    [MemberData(nameof(Promised))]
    public void Every_promised_field_is_there(string resource, string fields)
    {
        var type = typeof(DiskResource).Assembly.GetType($"ActorBackup.Api.{resource}")!;
        var names = ApiJson.Default.GetTypeInfo(type)!.Properties.Select(p => p.Name);
        Assert.Empty(fields.Split(' ').Except(names));
    }

    [Fact]
    public void An_absent_value_is_null_and_not_left_out()
    {
        using var json = JsonDocument.Parse(JsonSerializer.Serialize(Resources.Job(), ApiJson.Default.JobResource));
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("outcome").ValueKind);
        Assert.Equal(JsonValueKind.Array, json.RootElement.GetProperty("badExtents").ValueKind);
        Assert.Equal(JsonValueKind.Number, json.RootElement.GetProperty("bytesTotal").ValueKind);
    }

    [Fact]
    public void Times_are_utc_and_keep_every_digit()
    {
        var at = new DateTimeOffset(2026, 11, 23, 5, 0, 0, TimeSpan.FromHours(1)).AddTicks(1_234_567);
        Assert.Equal("\"2026-11-23T04:00:00.1234567Z\"", Time(at));
        Assert.Equal("\"2026-11-23T04:00:00Z\"", Time(at.AddTicks(-1_234_567)));
    }

    private static string Time(DateTimeOffset at)
    {
        using var json = JsonDocument.Parse(JsonSerializer.Serialize(
            Resources.Job() with { StartedAt = at }, (JsonTypeInfo<JobResource>)ApiJson.Default.GetTypeInfo(typeof(JobResource))!));
        return json.RootElement.GetProperty("startedAt").GetRawText();
    }

    [Fact]
    public void Only_what_json_wants_escaped_is_escaped()
    {
        var line = Output.JsonLine.Of(new ExportResource("p", "nbd+unix:///p?socket=/a b/'ü'\n\"\\"), ApiJson.Default.ExportResource);

        Assert.Equal("""{"id":"p","nbdUri":"nbd+unix:///p?socket=/a b/'ü'\n\"\\","diffContext":null}""", line);
    }
}
