namespace ActorBackup.Storage.Writing;

/// <summary>What a writer does so that nobody counts on a block that is not there, one switch per step. All on, save where the simulation shows that it would miss a step.</summary>
internal sealed record WriterGuards
{
    public static WriterGuards On { get; } = new();

    /// <summary>Rule 22: the index learns of a pack's blocks after the pack was put.</summary>
    public bool PutBeforeRecord { get; init; } = true;

    /// <summary>Rule 22: who waits for a pack hears of its blocks after the pack was put.</summary>
    public bool PutBeforeDurable { get; init; } = true;

    /// <summary>Rule 22: who brings a block that is on its way waits for its pack.</summary>
    public bool WaitForPending { get; init; } = true;

    /// <summary>Who waits for a pack that cannot be stored learns that it failed.</summary>
    public bool FailWhoWaits { get; init; } = true;

    /// <summary>Rule 22: where the name of a pack is taken, what lies there is compared.</summary>
    public bool CompareWhatIsThere { get; init; } = true;

    /// <summary>Rule 10: a flush takes along the tree nodes that were not sent yet.</summary>
    public bool FlushNodes { get; init; } = true;
}
