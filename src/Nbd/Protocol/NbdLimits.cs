namespace ActorBackup.Nbd.Protocol;

/// <summary>How much of the other side's input is believed before it is refused.</summary>
public static class NbdLimits
{
    /// <summary>Largest payload of one READ or WRITE; advertised as the maximum block size.</summary>
    public const int PayloadBytes = 32 * 1024 * 1024;

    /// <summary>Longest option data that is looked at; up to <see cref="PayloadBytes"/> is skipped and refused, more ends the connection.</summary>
    public const int OptionBytes = 64 * 1024;

    /// <summary>The protocol's limit for any string.</summary>
    public const int StringBytes = 4096;
}
