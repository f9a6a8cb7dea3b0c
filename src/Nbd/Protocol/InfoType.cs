namespace ActorBackup.Nbd.Protocol;

/// <summary>Kinds of information about an export, in INFO and GO.</summary>
public enum InfoType
{
    Export = 0,
    Name = 1,
    Description = 2,
    BlockSize = 3,
}
