namespace ActorBackup.Core.Jobs;

/// <summary>What a backup copies.</summary>
public enum SyncMode
{
    Auto = 0,
    Full = 1,
    Incremental = 2,
    Bitmap = 3,
    None = 4,
}
