namespace ActorBackup.Nbd.Client;

/// <summary>The server says what the protocol does not allow, or ends where it may not.</summary>
public sealed class NbdProtocolException(string message) : IOException(message);
