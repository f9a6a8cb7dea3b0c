namespace ActorBackup.Storage.Packs;

/// <summary>What a pack holds. Numbers are part of the format.</summary>
public enum PackKind : byte
{
    /// <summary>Blocks of disks.</summary>
    Data = 1,

    /// <summary>Nodes of image trees.</summary>
    Tree = 2,
}
