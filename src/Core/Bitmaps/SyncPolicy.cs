namespace ActorBackup.Core.Bitmaps;

/// <summary>Which sets form the bitmap after a job; the successor always does.</summary>
public enum BitmapRemainder
{
    /// <summary>Only the successor: what was written since the job's instant.</summary>
    Nothing = 0,

    /// <summary>The sync bitmap and the successor: as if the job had never run.</summary>
    SyncBitmap = 1,

    /// <summary>The copy bitmap and the successor: what is left to copy.</summary>
    CopyBitmap = 2,
}

/// <summary>The truth table of dirty bitmaps and jobs. Nothing else in the code knows it.</summary>
/// <remarks>
/// <code>
/// job ends           never      conditional  always
/// success            S ∪ W      W            W
/// failure or cancel  S ∪ W      S ∪ W        C ∪ W   (S ∪ W when no durable copy checkpoint exists)
/// forced cancel      S ∪ W      S ∪ W        S ∪ W
/// </code>
/// S = sync bitmap (frozen at the job's instant), W = successor, C = copy bitmap (not durably copied yet).
/// </remarks>
public static class SyncPolicy
{
    /// <param name="policy">The job's policy.</param>
    /// <param name="succeeded">The job published its complete point.</param>
    /// <param name="forced">The job was cancelled by force: the bitmap is left as if it had never run.</param>
    /// <param name="hasCheckpoint">A copy bitmap with the root of its partial tree is durable.</param>
    public static BitmapRemainder Remainder(BitmapSyncPolicy policy, bool succeeded, bool forced, bool hasCheckpoint) =>
        policy switch
        {
            BitmapSyncPolicy.Never => BitmapRemainder.SyncBitmap,
            _ when succeeded => BitmapRemainder.Nothing,
            BitmapSyncPolicy.Always when !forced && hasCheckpoint => BitmapRemainder.CopyBitmap,
            _ => BitmapRemainder.SyncBitmap,
        };
}
