namespace ActorBackup.Core.Packs;

/// <summary>How a block's bytes are stored. Numbers are part of the format.</summary>
public enum BlockCompression : byte
{
    None = 0,
    Zstd = 1,
}
