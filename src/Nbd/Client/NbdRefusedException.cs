namespace ActorBackup.Nbd.Client;

/// <summary>The server works but does not let us in: no such export, closing, or it wants TLS or is not trusted.</summary>
public sealed class NbdRefusedException(string message, Exception? inner = null) : IOException(message, inner);
