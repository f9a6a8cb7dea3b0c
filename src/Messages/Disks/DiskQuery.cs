using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Disks;

/// <summary>What can be asked of a disk. Answered by a <see cref="DiskReply"/> and changes nothing.</summary>
public abstract record DiskQuery
{
    private DiskQuery()
    {
    }

    public required DiskId Disk { get; init; }

    public sealed record GetDisk : DiskQuery;

    public sealed record GetBitmaps : DiskQuery;

    /// <param name="Name">Bitmap.</param>
    /// <param name="Set">Which of a busy bitmap's three sets; null = the sync bitmap.</param>
    public sealed record GetBitmapExtents(string Name, BitmapSet? Set) : DiskQuery;

    public sealed record GetJobs : DiskQuery;

    public sealed record GetJob(JobId Job) : DiskQuery;

    public sealed record GetGroupPart(GroupId Group) : DiskQuery;

    /// <summary>Like <see cref="GetJob"/>, answered when the job needs no more waiting.</summary>
    public sealed record AwaitJob(JobId Job, TimeSpan Timeout) : DiskQuery;

    /// <summary>Answered by the job's changes since the cursor, when there are any, it can change no more, or the time is up.</summary>
    public sealed record WatchJob(JobId Job, JobCursor? After, TimeSpan Period) : DiskQuery;
}

public enum BitmapSet
{
    Sync,
    Successor,
    Copy,
}
