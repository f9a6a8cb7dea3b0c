namespace ActorBackup.Nbd.Protocol;

/// <summary>What both sides say before options; server and client use the same bits.</summary>
[Flags]
public enum HandshakeFlags
{
    None = 0,
    FixedNewstyle = 1,
    NoZeroes = 2,
}
