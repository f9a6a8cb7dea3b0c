namespace ActorBackup.Volumes.Disks;

internal enum ChangeKind
{
    Write,

    /// <summary>Reads as zeroes, space freed.</summary>
    Punch,

    /// <summary>Reads as zeroes, space kept.</summary>
    Zero,
}

/// <summary>A guest's request that changes the disk. Data is empty unless it is a write.</summary>
internal readonly record struct GuestChange(ChangeKind Kind, long Offset, long Length, ReadOnlyMemory<byte> Data, bool IsForced);
