using System.Text.Json;
using System.Text.Json.Serialization;

namespace ActorBackup.Api;

/// <summary>Source-generated JSON of every body, so that neither side pays for reflection at start.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(ApiErrorBody))]
[JsonSerializable(typeof(DiskResource))]
[JsonSerializable(typeof(DiskResource[]))]
[JsonSerializable(typeof(BitmapResource))]
[JsonSerializable(typeof(BitmapResource[]))]
[JsonSerializable(typeof(ExtentResource[]))]
[JsonSerializable(typeof(RepositoryResource))]
[JsonSerializable(typeof(RepositoryResource[]))]
[JsonSerializable(typeof(JobResource))]
[JsonSerializable(typeof(JobResource[]))]
[JsonSerializable(typeof(PointResource))]
[JsonSerializable(typeof(PointResource[]))]
[JsonSerializable(typeof(ExportResource))]
[JsonSerializable(typeof(DamageResource[]))]
[JsonSerializable(typeof(VersionResource))]
[JsonSerializable(typeof(HealthResource))]
[JsonSerializable(typeof(ClusterResource))]
[JsonSerializable(typeof(AddDiskRequest))]
[JsonSerializable(typeof(ResizeDiskRequest))]
[JsonSerializable(typeof(SetDiskRequest))]
[JsonSerializable(typeof(AddBitmapRequest))]
[JsonSerializable(typeof(MergeBitmapRequest))]
[JsonSerializable(typeof(CreateRepositoryRequest))]
[JsonSerializable(typeof(BackupRequest))]
[JsonSerializable(typeof(CancelJobRequest))]
[JsonSerializable(typeof(FinalizeJobRequest))]
[JsonSerializable(typeof(SetRateRequest))]
[JsonSerializable(typeof(SetPolicyRequest))]
[JsonSerializable(typeof(RestoreRequest))]
[JsonSerializable(typeof(VerifyRequest))]
[JsonSerializable(typeof(ExportPointRequest))]
public sealed partial class ApiJson : JsonSerializerContext;
