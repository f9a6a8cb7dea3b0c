namespace ActorBackup.Nbd.Server;

/// <summary>Whether a client gets the export that it has chosen.</summary>
internal enum Entrance
{
    Granted,

    /// <summary>The export is closing.</summary>
    Closing,

    /// <summary>The server has as many clients as it takes.</summary>
    Full,
}
