namespace ActorBackup.Nbd.Protocol;

/// <summary>Content of one chunk of a structured reply; types from <see cref="ErrorBit"/> on are errors.</summary>
public enum ChunkType
{
    None = 0,
    OffsetData = 1,
    OffsetHole = 2,
    BlockStatus = 5,
    ErrorBit = 1 << 15,
    Error = ErrorBit + 1,
    ErrorOffset = ErrorBit + 2,
}
