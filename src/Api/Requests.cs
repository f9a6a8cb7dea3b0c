namespace ActorBackup.Api;

// Bodies of POST requests. Paths are absolute: the CLI makes them so and the node opens them.

public sealed record AddDiskRequest(string Id)
{
    public string? File { get; init; }
    public string? Nbd { get; init; }
    public long? Granularity { get; init; }
    public string? Journal { get; init; }
    public bool Exclusive { get; init; }
    public bool AssumeDurable { get; init; }
    public bool ReadOnly { get; init; }
    public string? Host { get; init; }
}

public sealed record ResizeDiskRequest(long SizeBytes);

/// <param name="Bitmaps">Names of bitmaps that NBD clients can read, instead of those before; null = none.</param>
public sealed record ExportDiskRequest(IReadOnlyList<string>? Bitmaps = null);

public sealed record SetDiskRequest
{
    public string? File { get; init; }
    public string? Nbd { get; init; }
    public string? Journal { get; init; }
}

public sealed record AddBitmapRequest(string Name)
{
    public long? Granularity { get; init; }
    public bool Disabled { get; init; }
    public bool Transient { get; init; }

    /// <summary>A point that the disk equals, but for what the bitmap marks. The disk is compared with it by a job, which then adds the bitmap.</summary>
    public string? Base { get; init; }

    /// <summary>Take the base's word: nothing is compared, nothing is dirty.</summary>
    public bool Trust { get; init; }

    /// <summary>Of the comparison with the base, in bytes per second; 0 or null = unlimited.</summary>
    public long? Rate { get; init; }
}

/// <param name="Sources">Each <c>NAME</c> or <c>DISK/NAME</c>.</param>
public sealed record MergeBitmapRequest(IReadOnlyList<string> Sources);

public sealed record CreateRepositoryRequest(string Name, string Url)
{
    public bool Default { get; init; }
    public bool Encrypt { get; init; }
    public string? PassphraseFile { get; init; }
}

public sealed record BackupRequest(string Disk)
{
    public string? Repo { get; init; }
    public string? Sync { get; init; }
    public string? Bitmap { get; init; }
    public string? Policy { get; init; }
    public string? Base { get; init; }
    public string? Fallback { get; init; }
    public long? Rate { get; init; }
    public int? Workers { get; init; }
    public string? OnSourceError { get; init; }
    public string? OnTargetError { get; init; }
    public string? OnCbwError { get; init; }
    public int? CbwTimeout { get; init; }
    public int? Restart { get; init; }
    public bool NoAutoFinalize { get; init; }
    public bool NoAutoDismiss { get; init; }
}

/// <param name="Actions">In order: later ones see what earlier ones of their disk did.</param>
public sealed record GroupRequest(IReadOnlyList<GroupActionRequest> Actions)
{
    /// <summary><c>grouped</c> (all succeed or none does) or <c>individual</c> (default).</summary>
    public string? CompletionMode { get; init; }

    /// <summary>Milliseconds that a disk may hold its guests' writes; null = 2000.</summary>
    public int? HoldLimitMs { get; init; }
}

/// <summary>Exactly one of these.</summary>
public sealed record GroupActionRequest
{
    public BackupRequest? Backup { get; init; }
    public GroupBitmapAddRequest? BitmapAdd { get; init; }
    public GroupBitmapRequest? BitmapClear { get; init; }
    public GroupBitmapRequest? BitmapEnable { get; init; }
    public GroupBitmapRequest? BitmapDisable { get; init; }
    public GroupBitmapMergeRequest? BitmapMerge { get; init; }
}

public sealed record GroupBitmapRequest(string Disk, string Name);

public sealed record GroupBitmapAddRequest(string Disk, string Name)
{
    public long? Granularity { get; init; }
    public bool Disabled { get; init; }
    public bool Transient { get; init; }
}

/// <param name="Name">The target.</param>
/// <param name="Sources">Names of bitmaps of the same disk.</param>
public sealed record GroupBitmapMergeRequest(string Disk, string Name, IReadOnlyList<string> Sources);

public sealed record CancelJobRequest(bool Force = false);

/// <param name="Decision"><c>keep</c>, <c>discard</c> or null.</param>
public sealed record FinalizeJobRequest(string? Decision = null);

public sealed record SetRateRequest(long BytesPerSecond);

public sealed record SetPolicyRequest(string Policy);

/// <param name="To">Absolute path of the file or block device to write, or the URI of an NBD export; exclusive with <paramref name="ToDisk"/>.</param>
/// <param name="ToDisk">A registered disk to overwrite through tracking.</param>
/// <param name="Force">Restore a partial point, or onto what exists: a file, a block device, an NBD export.</param>
public sealed record RestoreRequest(string? To = null, string? ToDisk = null, bool Force = false)
{
    /// <summary>Bytes per second; 0 or null = unlimited.</summary>
    public long? Rate { get; init; }
}

public sealed record VerifyRequest
{
    /// <summary>Read, decompress and rehash every block; otherwise structure and existence.</summary>
    public bool Full { get; init; }
    public int? Percent { get; init; }
    public bool AgainstDisk { get; init; }

    /// <summary>Bytes per second; 0 or null = unlimited.</summary>
    public long? Rate { get; init; }
}

public sealed record ExportPointRequest(string? Name = null)
{
    /// <summary>Another point of the same repository: where the two differ becomes a context of the export.</summary>
    public string? DiffFrom { get; init; }
}
