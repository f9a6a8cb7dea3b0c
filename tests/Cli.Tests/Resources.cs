using System.Text.Json;
using ActorBackup.Api;

namespace ActorBackup.Cli.Tests;

/// <summary>Resources as a node would send them.</summary>
public static class Resources
{
    public static JobResource Job(string status = "running", string? outcome = null) =>
        new("01k2", "backup", "db", "main", status, outcome, false, "bitmap", "bitmap", null, "daily", "always",
            BytesTotal: 1 << 20, BytesDone: 1 << 19, BytesSent: 1 << 18, BytesReused: 0, BytesZero: 0,
            Error: null, BadExtents: [], Point: null, Group: null, StartedAt: DateTimeOffset.UnixEpoch, EndedAt: null);

    public static DiskResource Disk(string id = "db") =>
        new(id, 1 << 30, 65536, "file:/vm/db.raw", $"nbd+unix:///{id}?socket=/data/nbd.sock", "online", null, null, 0, null, null);

    public static StubReply Reply(JobResource job) => new(200, JsonSerializer.Serialize(job, ApiJson.Default.JobResource));

    public static StubReply Refusal(string code, string message = "no") =>
        new(ErrorCodes.HttpStatusOf(code), JsonSerializer.Serialize(new ApiErrorBody(new ApiError(code, message)), ApiJson.Default.ApiErrorBody));
}
