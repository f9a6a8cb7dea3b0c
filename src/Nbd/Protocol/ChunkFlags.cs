namespace ActorBackup.Nbd.Protocol;

[Flags]
public enum ChunkFlags
{
    None = 0,

    /// <summary>The reply ends with this chunk.</summary>
    Done = 1,
}
