using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Jobs;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>What a job's bitmap counts from before it starts.</summary>
public enum Under
{
    /// <summary>There is no bitmap.</summary>
    NoBitmap,
    NoBase,
    ValidBase,
    PartialBase,
}

/// <summary>A combination of sync mode, policy and base that is allowed.</summary>
public sealed record Kind(SyncMode Sync, BitmapSyncPolicy? Policy, Under Under)
{
    /// <summary>All of them, save for what is the same job after its start.</summary>
    public static IReadOnlyList<Kind> All { get; } =
    [
        new(SyncMode.Full, null, Under.NoBitmap),
        new(SyncMode.Full, BitmapSyncPolicy.Always, Under.NoBase),
        new(SyncMode.Full, BitmapSyncPolicy.Always, Under.ValidBase),
        new(SyncMode.Full, BitmapSyncPolicy.Conditional, Under.NoBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Always, Under.NoBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Always, Under.ValidBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Always, Under.PartialBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Conditional, Under.NoBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Conditional, Under.ValidBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Conditional, Under.PartialBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Never, Under.NoBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Never, Under.ValidBase),
        new(SyncMode.Bitmap, BitmapSyncPolicy.Never, Under.PartialBase),
        new(SyncMode.Incremental, null, Under.ValidBase),
        new(SyncMode.Incremental, null, Under.PartialBase),
        new(SyncMode.Auto, null, Under.NoBitmap),
        new(SyncMode.Auto, null, Under.ValidBase),
        new(SyncMode.Auto, null, Under.PartialBase),
    ];

    /// <summary>Those that say something which no other kind's say.</summary>
    public IEnumerable<Ending> Endings =>
        this switch
        {
            { Sync: SyncMode.Auto } => [Ending.Success, Ending.Cancelled, Ending.RepositoryAway],
            { Sync: SyncMode.Incremental } => [Ending.Success, Ending.Cancelled],
            { Sync: SyncMode.Full, Under: Under.ValidBase } => [Ending.Success, Ending.RepositoryAway],
            { Policy: BitmapSyncPolicy.Always } => Enum.GetValues<Ending>(),
            _ => [Ending.Success, Ending.Cancelled, Ending.Finalized, Ending.KeptAfterFailure],
        };

    /// <summary>The bitmap's name; null when the job has none.</summary>
    public string? Bitmap => Sync == SyncMode.Auto ? "auto.here" : Under == Under.NoBitmap ? null : "b";

    /// <summary>As the job has it.</summary>
    public BitmapSyncPolicy? ActualPolicy =>
        Sync switch
        {
            SyncMode.Auto => BitmapSyncPolicy.Always,
            SyncMode.Incremental => BitmapSyncPolicy.Conditional,
            _ => Policy,
        };

    /// <summary>It copies the whole disk.</summary>
    public bool IsFull => Sync == SyncMode.Full || (Sync == SyncMode.Auto && Under is Under.NoBitmap or Under.NoBase);

    public override string ToString() => $"{Sync}-{Policy?.ToString() ?? "default"}-{Under}";
}
