namespace ActorBackup.Nbd.Server;

/// <summary>A run of bytes with one status in some meta context; what the flags mean is the context's matter.</summary>
public readonly record struct StatusRun(long Length, uint Flags);
