namespace ActorBackup.Api;

/// <summary>
/// Paths of the versioned HTTP API. Every request but health carries <c>Authorization: Bearer TOKEN</c>.
/// {point} is an id, <c>DISK@latest</c> or <c>DISK@TIME</c>, URL-encoded. Errors are <see cref="ApiErrorBody"/>.
/// </summary>
/// <remarks>
/// <code>
/// GET    /health/live /health/ready         no token; 200 or 503, HealthResource
/// GET    /openapi/v1.json
/// GET    /v1/version                        VersionResource
/// GET    /v1/cluster                        ClusterResource
/// POST   /v1/disks                          AddDiskRequest → 201 DiskResource
/// GET    /v1/disks                          DiskResource[]
/// GET    /v1/disks/{disk}                   DiskResource
/// DELETE /v1/disks/{disk}?deletePoints=     204
/// POST   /v1/disks/{disk}/stop|start        DiskResource
/// POST   /v1/disks/{disk}/export            ExportDiskRequest → DiskResource
/// POST   /v1/disks/{disk}/unexport          DiskResource
/// POST   /v1/disks/{disk}/set               SetDiskRequest → DiskResource
/// POST   /v1/disks/{disk}/resize            ResizeDiskRequest → DiskResource
/// POST   /v1/disks/{disk}/bitmaps           AddBitmapRequest → 201 BitmapResource; with a base that is not trusted 202 JobResource
/// GET    /v1/disks/{disk}/bitmaps           BitmapResource[]
/// DELETE /v1/disks/{disk}/bitmaps/{name}    204
/// POST   /v1/disks/{disk}/bitmaps/{name}/clear|enable|disable   BitmapResource
/// POST   /v1/disks/{disk}/bitmaps/{name}/merge                  MergeBitmapRequest → BitmapResource
/// GET    /v1/disks/{disk}/bitmaps/{name}/extents?set=           ExtentResource[]
/// POST   /v1/repositories                   CreateRepositoryRequest → 201 RepositoryResource
/// POST   /v1/repositories/attach            CreateRepositoryRequest → 201 RepositoryResource
/// GET    /v1/repositories                   RepositoryResource[]
/// GET    /v1/repositories/{name}            RepositoryResource
/// DELETE /v1/repositories/{name}            204 (detach)
/// POST   /v1/repositories/{name}/reindex    RepositoryResource
/// POST   /v1/backups                        BackupRequest → 201 JobResource
/// GET    /v1/jobs?disk=                     JobResource[]
/// GET    /v1/jobs/{job}                     JobResource
/// GET    /v1/jobs/{job}/wait?timeoutMs=     JobResource, when it needs no more waiting or the time is up
/// GET    /v1/jobs/{job}/events?after=&amp;periodMs=   text/event-stream: JobResource as "state" with an id, or as "progress"
/// POST   /v1/jobs/{job}/cancel              CancelJobRequest → JobResource
/// POST   /v1/jobs/{job}/pause|resume|dismiss|retry   JobResource
/// POST   /v1/jobs/{job}/finalize            FinalizeJobRequest → JobResource
/// POST   /v1/jobs/{job}/rate                SetRateRequest → JobResource
/// POST   /v1/jobs/{job}/policy              SetPolicyRequest → JobResource
/// POST   /v1/groups                         GroupRequest → 201 GroupResource
/// GET    /v1/groups                         GroupResource[]
/// GET    /v1/groups/{group}                 GroupResource
/// GET    /v1/groups/{group}/wait?timeoutMs= GroupResource, when it needs no more waiting or the time is up
/// POST   /v1/groups/{group}/cancel          CancelJobRequest → GroupResource
/// POST   /v1/groups/{group}/finalize        GroupResource
/// GET    /v1/points?disk=&amp;repo=         PointResource[]
/// GET    /v1/points/{point}                 PointResource
/// GET    /v1/points/{a}/diff/{b}            ExtentResource[]
/// DELETE /v1/points/{point}                 204
/// POST   /v1/points/{point}/restore         RestoreRequest → 201 JobResource
/// POST   /v1/points/{point}/verify          VerifyRequest → 201 JobResource (kind verify; damage in error and badExtents)
/// POST   /v1/points/{point}/export          ExportPointRequest → 201 ExportResource
/// DELETE /v1/exports/{name}                 204 (name or id of a point export)
/// </code>
/// </remarks>
public static class Routes
{
    public const string Prefix = "/v1";
    public const string Version = Prefix + "/version";
    public const string Cluster = Prefix + "/cluster";
    public const string Disks = Prefix + "/disks";
    public const string Repositories = Prefix + "/repositories";
    public const string Backups = Prefix + "/backups";
    public const string Jobs = Prefix + "/jobs";
    public const string Groups = Prefix + "/groups";
    public const string Points = Prefix + "/points";
    public const string Exports = Prefix + "/exports";
    public const string Live = "/health/live";
    public const string Ready = "/health/ready";
    public const string DefaultEndpoint = "http://127.0.0.1:8440";
}
