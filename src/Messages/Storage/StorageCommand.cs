using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Messages.Storage;

/// <summary>What the storage actor of a repository is asked, besides for its local data plane.</summary>
public abstract record StorageCommand
{
    private StorageCommand()
    {
    }

    /// <param name="Point">What to read.</param>
    /// <param name="Kind">Restore or verify.</param>
    /// <param name="Target">What a restore writes, or a verify compares with: see <see cref="JobTarget"/>.</param>
    /// <param name="Force">Restore a partial point, or over what exists.</param>
    /// <param name="Percent">Share of the blocks that a verify reads.</param>
    public sealed record StartJob(PointId Point, JobKind Kind, string? Target, bool Force, int Percent) : StorageCommand
    {
        /// <summary>Of a verify: what its comparison with the target, a disk, is to add.</summary>
        public NewBitmap? Bitmap { get; init; }

        /// <summary>Bytes that it may read in a second; 0 = unlimited.</summary>
        public long RateBytesPerSecond { get; init; }

        /// <summary>The job whose work this one does again.</summary>
        public JobId? RetryOf { get; init; }
    }

    /// <summary>The same again as the job that failed, was cancelled or interrupted.</summary>
    public sealed record RetryJob(JobId Job) : StorageCommand;

    public sealed record PauseJob(JobId Job) : StorageCommand;

    public sealed record ResumeJob(JobId Job) : StorageCommand;

    public sealed record SetJobRate(JobId Job, long BytesPerSecond) : StorageCommand;

    public sealed record CancelJob(JobId Job) : StorageCommand;

    public sealed record DismissJob(JobId Job) : StorageCommand;

    public sealed record GetJobs : StorageCommand;

    public sealed record GetJob(JobId Job) : StorageCommand;

    /// <summary>Like <see cref="GetJob"/>, answered when the job needs no more waiting.</summary>
    public sealed record AwaitJob(JobId Job, TimeSpan Timeout) : StorageCommand;

    /// <summary>Answered by the job's changes since the cursor, when there are any, it can change no more, or the time is up.</summary>
    public sealed record WatchJob(JobId Job, JobCursor? After, TimeSpan Period) : StorageCommand;
}

public abstract record StorageReply
{
    private StorageReply()
    {
    }

    public sealed record Rejected(Refusal Refusal) : StorageReply;

    public sealed record Jobs(IReadOnlyList<JobView> Views) : StorageReply;

    public sealed record Job(JobView View) : StorageReply;

    public sealed record Watched(JobChanges Changes) : StorageReply;
}
