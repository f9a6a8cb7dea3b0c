namespace ActorBackup.EndToEnd.Tests.Semantics;

/// <summary>How a job of the matrix ends.</summary>
public enum Ending
{
    Success,
    SourceError,
    TargetError,
    Cancel,
    ForcedCancel,
    CancelWhilePending,
    PeerFailed,
    PeerCancelled,
    NodeKilled,
}

/// <summary>One job of the matrix: what is asked for, over a bitmap of this granularity, on a disk of its own.</summary>
/// <param name="Disk">Its id.</param>
/// <param name="Sync"><c>full</c>, <c>bitmap</c> or <c>incremental</c>.</param>
/// <param name="Policy">What it means, also where it is not said (<c>incremental</c>).</param>
/// <param name="Granularity">Of the bitmap; a block is 64 KiB.</param>
public sealed record Cell(string Disk, string Sync, string Policy, long Granularity)
{
    public const int Blocks = 32;
    public const long BlockBytes = 64 * 1024;
    public const long SizeBytes = Blocks * BlockBytes;

    /// <summary>What reads of the source fail from: everything before it is a hole.</summary>
    public const int FirstData = 9;

    /// <summary>Written before the job, as bytes: two holes, a little of a block, a whole block.</summary>
    public static IReadOnlyList<(long Offset, long Length)> Before { get; } =
        [(2 * BlockBytes, BlockBytes), (5 * BlockBytes, BlockBytes), ((FirstData * BlockBytes) + 4096, 4096), (14 * BlockBytes, BlockBytes)];

    /// <summary>Written while the job is there.</summary>
    public static IReadOnlyList<(long Offset, long Length)> Meanwhile { get; } = [((20 * BlockBytes) + 8192, 4096), (14 * BlockBytes, 512)];

    public static IEnumerable<Cell> All(string prefix) =>
        from sync in new[] { "full", "bitmap", "incremental" }
        from policy in new[] { "always", "conditional", "never" }
        where sync == "bitmap" || (sync == "full" && policy != "never") || policy == "conditional"
        from granularity in new[] { 4096L, BlockBytes, 4 * BlockBytes }
        select new Cell($"{prefix}-{sync}-{policy}-{granularity}".ToLowerInvariant(), sync, policy, granularity);

    /// <summary>QEMU's table (docs/SEMANTICS.md): S ∪ W, R ∪ W or W, as units of the bitmap.</summary>
    /// <param name="succeeded">The job's outcome.</param>
    /// <param name="leavesAsIfNeverRun">Forced.</param>
    /// <param name="left">The first block that was not copied; <see cref="Blocks"/> = none.</param>
    public SortedSet<long> Expected(bool succeeded, bool leavesAsIfNeverRun, int left)
    {
        var units = UnitsOf(Meanwhile);
        if (Policy == "never" || leavesAsIfNeverRun || (!succeeded && Policy == "conditional"))
        {
            units.UnionWith(UnitsOf(Before));
        }
        else if (!succeeded)
        {
            units.UnionWith(UnitsOf([.. ToCopy().Where(b => b >= left).Select(b => (b * BlockBytes, BlockBytes))]));
        }

        return units;
    }

    /// <summary>Blocks that the job is told to copy: the bitmap's units, rounded outwards.</summary>
    public SortedSet<long> ToCopy() =>
        Sync == "full"
            ? [.. Enumerable.Range(0, Blocks).Select(b => (long)b)]
            : [.. UnitsOf(Before).SelectMany(u => Touched(u * Granularity, Granularity, BlockBytes))];

    private SortedSet<long> UnitsOf(IEnumerable<(long Offset, long Length)> ranges) => [.. ranges.SelectMany(r => Touched(r.Offset, r.Length, Granularity))];

    private static IEnumerable<long> Touched(long offset, long length, long unit)
    {
        for (var at = offset / unit; at <= (offset + length - 1) / unit; at++)
        {
            yield return at;
        }
    }
}
