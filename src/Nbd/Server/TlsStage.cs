namespace ActorBackup.Nbd.Server;

/// <summary>Where a handshake stands with TLS.</summary>
internal enum TlsStage
{
    /// <summary>STARTTLS is refused.</summary>
    Unavailable,

    /// <summary>The client may do with or without.</summary>
    Offered,

    /// <summary>Nothing else is answered before it.</summary>
    Required,

    /// <summary>It is there.</summary>
    Active,
}
