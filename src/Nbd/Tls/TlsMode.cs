namespace ActorBackup.Nbd.Tls;

/// <summary>What a server makes of STARTTLS.</summary>
public enum TlsMode
{
    /// <summary>There is no TLS.</summary>
    Off,

    /// <summary>The client chooses. Whoever sits between the two can choose for it.</summary>
    Allow,

    /// <summary>Nothing is told and nothing is served before TLS.</summary>
    Require,
}
