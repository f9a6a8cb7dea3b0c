using ActorBackup.Core.Bitmaps;

namespace ActorBackup.Core.Jobs;

/// <summary>QEMU's table of which sync mode goes with which bitmap and policy.</summary>
public static class BackupArguments
{
    /// <summary>Null when the combination is allowed, else one sentence that says why it is not.</summary>
    /// <param name="sync">As asked for; <see cref="SyncMode.Auto"/> chooses bitmap and policy itself.</param>
    /// <param name="hasBitmap">A bitmap was named.</param>
    /// <param name="policy">The policy that was named.</param>
    public static string? Refusal(SyncMode sync, bool hasBitmap, BitmapSyncPolicy? policy) =>
        (sync, hasBitmap, policy) switch
        {
            (SyncMode.Auto, false, null) => null,
            (SyncMode.Auto, _, _) => "sync 'auto' chooses its bitmap and policy itself; name a sync mode to choose them",
            (SyncMode.Bitmap or SyncMode.Incremental, false, _) => $"sync '{Name(sync)}' needs a bitmap; name one with --bitmap",
            (SyncMode.Incremental, true, null or BitmapSyncPolicy.Conditional) => null,
            (SyncMode.Incremental, true, _) => "sync 'incremental' is 'bitmap' with policy 'conditional'; for another policy use sync 'bitmap'",
            (_, false, not null) => "a policy without a bitmap has no effect; name a bitmap with --bitmap",
            (SyncMode.None, true, null) or (SyncMode.Full, true, null) or (SyncMode.Bitmap, true, null) =>
                $"sync '{Name(sync)}' with a bitmap needs a policy: always, conditional or never",
            (SyncMode.None, true, _) => "sync 'none' copies nothing by itself, so a bitmap would have no meaningful output",
            (SyncMode.Full, true, BitmapSyncPolicy.Never) => "policy 'never' with sync 'full' is pointless: the bitmap would be neither read nor changed",
            _ => null,
        };

    private static string Name(SyncMode sync) => sync.ToString().ToLowerInvariant();
}
