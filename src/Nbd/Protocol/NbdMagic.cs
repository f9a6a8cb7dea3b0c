namespace ActorBackup.Nbd.Protocol;

/// <summary>The numbers that mark where a structure of the protocol begins.</summary>
public static class NbdMagic
{
    /// <summary>"NBDMAGIC", first thing a server says.</summary>
    public const ulong Greeting = 0x4e42444d41474943;

    /// <summary>"IHAVEOPT", second thing a server says and the start of every option.</summary>
    public const ulong Option = 0x49484156454f5054;

    public const ulong OptionReply = 0x0003e889045565a9;
    public const uint Request = 0x25609513;
    public const uint SimpleReply = 0x67446698;
    public const uint StructuredReply = 0x668e33ef;
}
