using ActorBackup.Core.Identity;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>What happens when a block cannot be kept before a guest overwrites it.</summary>
public enum CaptureErrorPolicy
{
    /// <summary>The job loses its instant and fails; the guest lives.</summary>
    BreakSnapshot = 0,

    /// <summary>The guest's write fails; the snapshot stays good.</summary>
    BreakGuestWrite = 1,
}

/// <summary>A bitmap that a job freezes, and the set that records in its place.</summary>
public readonly record struct FrozenBitmap(ulong BitmapId, ulong SuccessorId);

/// <summary>How to take a snapshot for a job.</summary>
public sealed record SnapshotRequest
{
    public required JobId JobId { get; init; }

    /// <summary>Bitmaps to freeze; none for a job that leaves bitmaps alone.</summary>
    public IReadOnlyList<FrozenBitmap> Freeze { get; init; } = [];

    /// <summary>Copy the blocks that this bitmap touches; null = all.</summary>
    public ulong? CopyBitmapId { get; init; }

    public CaptureErrorPolicy OnCaptureError { get; init; }

    /// <summary>How long a guest's write may wait for its blocks to be kept; null = as long as it takes.</summary>
    public TimeSpan? CaptureTimeout { get; init; }

    /// <summary>Bytes of kept blocks in memory; beyond it they go to the scratch file.</summary>
    public long MemoryBudgetBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Where the scratch file is made; null = no scratch.</summary>
    public string? ScratchDirectory { get; init; }

    public long ScratchLimitBytes { get; init; } = long.MaxValue;

    /// <summary>Hand blocks out in ascending order only. Otherwise kept blocks come first when memory runs short.</summary>
    public bool IsAscending { get; init; }
}
