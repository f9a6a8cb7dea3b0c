namespace ActorBackup.Messages.Disks;

/// <summary>Bytes of the disk, save for Sent: bytes given to the repository after compression.</summary>
public sealed record JobStatistics(long TotalBytes, long DoneBytes, long SentBytes, long ReusedBytes, long ZeroBytes)
{
    public static JobStatistics Empty { get; } = new(0, 0, 0, 0, 0);
}
