namespace ActorBackup.Nbd.Tls;

/// <summary>A certificate or key file cannot be used; the message names the file and says why.</summary>
public sealed class TlsFileException(string message, Exception? inner = null) : IOException(message, inner);
