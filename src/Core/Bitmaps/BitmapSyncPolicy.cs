namespace ActorBackup.Core.Bitmaps;

/// <summary>What happens to a bitmap when its job ends.</summary>
public enum BitmapSyncPolicy
{
    /// <summary>Synchronised on success only (QEMU: on-success).</summary>
    Conditional = 0,

    /// <summary>Synchronised whatever the outcome: a failed job keeps what it copied.</summary>
    Always = 1,

    /// <summary>Never synchronised: a differential.</summary>
    Never = 2,
}
