namespace ActorBackup.Api;

/// <summary>Stable error codes with their HTTP status and the CLI's exit code.</summary>
public static class ErrorCodes
{
    public const string InvalidArgument = "invalid_argument";
    public const string InvalidGranularity = "invalid_granularity";
    public const string InvalidPolicy = "invalid_policy";
    public const string InvalidSize = "invalid_size";
    public const string InvalidName = "invalid_name";
    public const string UnknownDisk = "unknown_disk";
    public const string UnknownBitmap = "unknown_bitmap";
    public const string UnknownJob = "unknown_job";
    public const string UnknownGroup = "unknown_group";
    public const string UnknownPoint = "unknown_point";
    public const string UnknownRepository = "unknown_repository";
    public const string Busy = "busy";
    public const string Locked = "locked";
    public const string InUse = "in_use";
    public const string Pinned = "pinned";
    public const string Unauthorized = "unauthorized";
    public const string WrongKey = "wrong_key";
    public const string Unreachable = "unreachable";
    public const string NotReady = "not_ready";
    public const string Duplicate = "duplicate";
    public const string Exists = "exists";
    public const string MissingFile = "missing_file";
    public const string NotAFile = "not_a_file";
    public const string NotADirectory = "not_a_directory";
    public const string PermissionDenied = "permission_denied";
    public const string PortInUse = "port_in_use";
    public const string NewerVersion = "newer_version";
    public const string NotARepository = "not_a_repository";
    public const string NoBase = "no_base";
    public const string BaseLost = "base_lost";
    public const string BaseElsewhere = "base_elsewhere";
    public const string NoSpace = "no_space";
    public const string InputOutput = "io_error";
    public const string WrongState = "wrong_state";
    public const string Inconsistent = "inconsistent";
    public const string Partial = "partial";
    public const string IndexFull = "index_full";
    public const string NotSupported = "not_supported";
    public const string Damaged = "damaged";
    public const string Cancelled = "cancelled";
    public const string TimedOut = "timed_out";
    public const string Internal = "internal";

    /// <summary>Code → (HTTP status, exit code of the CLI).</summary>
    public static readonly IReadOnlyDictionary<string, (int HttpStatus, int ExitCode)> Table =
        new Dictionary<string, (int, int)>
        {
            [InvalidArgument] = (400, ExitCodes.Usage),
            [InvalidGranularity] = (400, ExitCodes.Usage),
            [InvalidPolicy] = (400, ExitCodes.Usage),
            [InvalidSize] = (400, ExitCodes.Usage),
            [InvalidName] = (400, ExitCodes.Usage),
            [UnknownDisk] = (404, ExitCodes.Unknown),
            [UnknownBitmap] = (404, ExitCodes.Unknown),
            [UnknownJob] = (404, ExitCodes.Unknown),
            [UnknownGroup] = (404, ExitCodes.Unknown),
            [UnknownPoint] = (404, ExitCodes.Unknown),
            [UnknownRepository] = (404, ExitCodes.Unknown),
            [Busy] = (409, ExitCodes.Busy),
            [Locked] = (409, ExitCodes.Busy),
            [InUse] = (409, ExitCodes.Busy),
            [Pinned] = (409, ExitCodes.Busy),
            [Unauthorized] = (401, ExitCodes.NotAuthorised),
            [WrongKey] = (403, ExitCodes.NotAuthorised),
            [Unreachable] = (503, ExitCodes.Unreachable),
            [NotReady] = (503, ExitCodes.Unreachable),
            [Duplicate] = (409, ExitCodes.Failed),
            [Exists] = (409, ExitCodes.Failed),
            [MissingFile] = (422, ExitCodes.Failed),
            [NotAFile] = (422, ExitCodes.Failed),
            [NotADirectory] = (422, ExitCodes.Failed),
            [PermissionDenied] = (422, ExitCodes.Failed),
            [PortInUse] = (422, ExitCodes.Failed),
            [NewerVersion] = (422, ExitCodes.Failed),
            [NotARepository] = (422, ExitCodes.Failed),
            [NoBase] = (409, ExitCodes.Failed),
            [BaseLost] = (409, ExitCodes.Failed),
            [BaseElsewhere] = (409, ExitCodes.Failed),
            [NoSpace] = (507, ExitCodes.Failed),
            [InputOutput] = (500, ExitCodes.Failed),
            [WrongState] = (409, ExitCodes.Failed),
            [Inconsistent] = (409, ExitCodes.Failed),
            [Partial] = (409, ExitCodes.Failed),
            [IndexFull] = (507, ExitCodes.Failed),
            [NotSupported] = (501, ExitCodes.Failed),
            [Damaged] = (500, ExitCodes.Damaged),
            [Cancelled] = (409, ExitCodes.Cancelled),
            [TimedOut] = (504, ExitCodes.TimedOut),
            [Internal] = (500, ExitCodes.Failed),
        };

    public static int ExitCodeOf(string code) => Table.TryGetValue(code, out var row) ? row.ExitCode : ExitCodes.Failed;

    public static int HttpStatusOf(string code) => Table.TryGetValue(code, out var row) ? row.HttpStatus : 500;
}
