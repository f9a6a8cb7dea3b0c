namespace ActorBackup.Volumes.Tracking;

/// <summary>What the data plane does so that no bit is lost, one switch per step. All on, save where the simulation shows that it would miss a step.</summary>
internal sealed record TrackingGuards
{
    public static TrackingGuards On { get; } = new();

    /// <summary>Rule 1: the region's intent is durable before the write reaches the backing.</summary>
    public bool IntentBeforeWrite { get; init; } = true;

    /// <summary>Rule 1: bits are set before the write, so that one that fails halfway has them too.</summary>
    public bool BitsBeforeWrite { get; init; } = true;

    /// <summary>Rule 2: an intent stays if its region saw a write since its pages were taken.</summary>
    public bool ForgetOnlyQuiet { get; init; } = true;

    /// <summary>Rule 2: pages are written beside those that the durable catalogue refers to.</summary>
    public bool ShadowPages { get; init; } = true;

    /// <summary>Rule 2: pages and catalogue are durable before the superblock that refers to them is written.</summary>
    public bool SyncBeforeSuperblock { get; init; } = true;

    /// <summary>Rule 2: the superblock is durable before intents are forgotten and old pages used again.</summary>
    public bool SyncBeforeForget { get; init; } = true;

    /// <summary>Rule 2: at an opening, what the last process wrote and did not sync is durable before pages are used again that only an older superblock needs.</summary>
    public bool SyncBeforeReuse { get; init; } = true;

    /// <summary>Rule 2: at an opening, what a superblock that cannot be read may refer to is not written before there is a newer one.</summary>
    public bool KeepPagesOfDamagedSuperblock { get; init; } = true;

    /// <summary>Rule 2: a bitmap that stops recording goes into the next checkpoint, because its intents will be forgotten.</summary>
    public bool StoreWhatStopsRecording { get; init; } = true;

    /// <summary>Rule 2: at an opening, intents are forgotten after the bits that they stand for are durable.</summary>
    public bool StoreBeforeIntentsGo { get; init; } = true;

    /// <summary>Only regions with an intent become dirty after a crash.</summary>
    public bool OnlyIntentRegions { get; init; } = true;

    /// <summary>Rule 3: the backing is durable before bits go.</summary>
    public bool FlushBeforeBitsGo { get; init; } = true;

    /// <summary>Rule 3: a sync that failed stays failed.</summary>
    public bool RememberFailedSync { get; init; } = true;

    /// <summary>Rule 4: the tracking file must be the one that the journal knows, and not older.</summary>
    public bool CheckGeneration { get; init; } = true;

    /// <summary>Rule 8: writes in flight end before the sets are frozen.</summary>
    public bool DrainBeforeFreeze { get; init; } = true;

    /// <summary>Rule 9: blocks that a job still needs are kept before they are overwritten.</summary>
    public bool CopyBeforeWrite { get; init; } = true;

    /// <summary>Rule 9: a job is suspended only if each block that is left to copy is on the source as it was, or kept.</summary>
    public bool OwnsWhatIsLeft { get; init; } = true;

    /// <summary>Rule 17: a suspended job's blocks are protected from the opening on, before its run goes on.</summary>
    public bool ProtectFromOpening { get; init; } = true;

    /// <summary>Rule 17: a suspension counts only together with the clean mark that it was stored with, and the journal's generation.</summary>
    public bool ResumeOnlyAsLeft { get; init; } = true;

    /// <summary>Rule 11: what a failed command left in memory is stored before its repetition counts as done.</summary>
    public bool StoreBeforeRepeatCounts { get; init; } = true;
}
