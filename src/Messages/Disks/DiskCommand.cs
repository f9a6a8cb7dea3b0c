using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Messages.Disks;

/// <summary>What a disk is asked to do. Every command is answered by one <see cref="DiskReply"/>.</summary>
public abstract record DiskCommand
{
    private DiskCommand()
    {
    }

    public required DiskId Disk { get; init; }

    /// <param name="Backing">Absolute path of the raw file or block device, or the URI of an NBD export.</param>
    /// <param name="BlockBytes">Granularity.</param>
    /// <param name="JournalDirectory">Where the tracking file lies; null = beside the file.</param>
    /// <param name="IsReadOnly">Refuse guest writes.</param>
    public sealed record AddDisk(string Backing, long BlockBytes, string? JournalDirectory, bool IsReadOnly) : DiskCommand
    {
        /// <summary>Nobody else writes to a backing that keeps no modification time.</summary>
        public bool IsExclusive { get; init; }

        /// <summary>Accept a backing that cannot flush.</summary>
        public bool AssumeDurable { get; init; }
    }

    public sealed record RemoveDisk : DiskCommand;

    public sealed record StopDisk : DiskCommand;

    public sealed record StartDisk : DiskCommand;

    /// <param name="SizeBytes">What the disk and its backing get.</param>
    public sealed record ResizeDisk(long SizeBytes) : DiskCommand;

    /// <param name="Backing">Where the backing is now, of the same size; null = where it was.</param>
    /// <param name="JournalDirectory">Where the tracking file is to go; null = it stays.</param>
    public sealed record SetDisk(string? Backing, string? JournalDirectory) : DiskCommand;

    /// <param name="Bitmaps">Names of bitmaps that NBD clients can read, instead of those before.</param>
    public sealed record ExportDisk(IReadOnlyList<string> Bitmaps) : DiskCommand;

    public sealed record UnexportDisk : DiskCommand;

    /// <summary>Starts the actor after the node has started, so that unfinished jobs are settled.</summary>
    public sealed record Wake : DiskCommand;

    /// <summary>The node is about to stop: running jobs let go. Answered when none runs any more.</summary>
    public sealed record SuspendJobs : DiskCommand;

    public sealed record AddBitmap(string Name, long? GranularityBytes, bool Recording, bool Persistent) : DiskCommand
    {
        /// <summary>What the disk equals now; null = it counts from nothing.</summary>
        public AssertedBase? Base { get; init; }
    }

    /// <summary>Adds the bitmap for which the disk was lent to the job, which has compared it with the base.</summary>
    public sealed record AddComparedBitmap(JobId Job) : DiskCommand;

    public sealed record RemoveBitmap(string Name) : DiskCommand;

    public sealed record ClearBitmap(string Name) : DiskCommand;

    public sealed record SetBitmapRecording(string Name, bool Recording) : DiskCommand;

    /// <param name="Target">Name of a bitmap of this disk.</param>
    /// <param name="Sources">Bitmaps of this or other disks.</param>
    public sealed record MergeBitmaps(string Target, IReadOnlyList<BitmapAddress> Sources) : DiskCommand;

    public sealed record StartBackup(BackupOrder Order) : DiskCommand;

    public sealed record RetryJob(JobId Job) : DiskCommand;

    public sealed record CancelJob(JobId Job, bool Force) : DiskCommand;

    public sealed record PauseJob(JobId Job) : DiskCommand;

    public sealed record ResumeJob(JobId Job) : DiskCommand;

    public sealed record SetJobRate(JobId Job, long BytesPerSecond) : DiskCommand;

    public sealed record SetJobPolicy(JobId Job, BitmapSyncPolicy Policy) : DiskCommand;

    /// <param name="Job">A job in pending.</param>
    /// <param name="Keep">True = apply the policy; false = leave the bitmap as if the job had never run; null = the default.</param>
    public sealed record FinalizeJob(JobId Job, bool? Keep) : DiskCommand;

    public sealed record DismissJob(JobId Job) : DiskCommand;

    /// <summary>Lends the disk's data plane on this node to a job that is not the disk's own, which returns it itself.</summary>
    /// <param name="Job">Who gets it.</param>
    /// <param name="Point">What is restored into it, or compared with it.</param>
    /// <param name="RepositoryId">Of the point.</param>
    /// <param name="SizeBytes">Of the point.</param>
    /// <param name="ForRestore">Guests are kept out meanwhile.</param>
    /// <param name="Deadline">After it nobody waits for the answer, and so nobody would return the disk.</param>
    public sealed record LendDisk(JobId Job, PointId Point, string RepositoryId, long SizeBytes, bool ForRestore, DateTimeOffset Deadline) : DiskCommand
    {
        /// <summary>A restore that a stop of the node suspended: the disk must be as that left it.</summary>
        public bool GoesOn { get; init; }
    }

    /// <summary>Validates and reserves everything, or refuses and changes nothing. The same again is answered the same.</summary>
    /// <param name="Group">Whose coordinator asks.</param>
    /// <param name="Completion">Whether the group's jobs share their outcome.</param>
    /// <param name="Actions">Of this disk, in the group's order.</param>
    /// <param name="Deadline">After it nobody waits for the answer.</param>
    public sealed record PrepareGroup(GroupId Group, GroupCompletion Completion, IReadOnlyList<DiskCommand> Actions, DateTimeOffset Deadline) : DiskCommand
    {
        /// <summary>Of each action: which of the group's it is, or belongs to, from 0.</summary>
        public IReadOnlyList<int> Places { get; init; } = [.. Enumerable.Range(0, Actions.Count)];
    }

    /// <summary>As an action of a group: another disk of it merges this bitmap, as it is at the instant after the actions before.</summary>
    public sealed record LendToGroup(string Name) : DiskCommand;

    /// <summary>What is lent, while writes are held: as it will be at the instant, if there is one. What needs loans that have not come yet is left out.</summary>
    public sealed record GetLoans(GroupId Group, IReadOnlyList<GroupLoan> Wanted) : DiskCommand;

    /// <summary>Brings what other disks lend, before the instant.</summary>
    public sealed record BorrowInGroup(GroupId Group, IReadOnlyList<LentBitmap> Lent) : DiskCommand;

    /// <summary>Holds guests' writes; answered when none is in flight. After the limit they go on by themselves, and a later <see cref="StartGroup"/> is refused.</summary>
    public sealed record HoldGroup(GroupId Group, TimeSpan Limit) : DiskCommand;

    /// <summary>The instant: sets are frozen, jobs installed, writes go on.</summary>
    public sealed record StartGroup(GroupId Group) : DiskCommand;

    /// <summary>Carries out what the coordinator has decided. Idempotent; answered at once with how far it is.</summary>
    public sealed record DecideGroup(GroupId Group, GroupDecision Decision) : DiskCommand;

    /// <summary>Every disk of the group has voted, and a person must let it commit.</summary>
    public sealed record AwaitGroup(GroupId Group) : DiskCommand;

    /// <summary>The coordinator knows how the disk's part ended.</summary>
    public sealed record LeaveGroup(GroupId Group) : DiskCommand;

    /// <summary>A restore gives the disk back that was lent to it.</summary>
    /// <param name="Job">The restore.</param>
    /// <param name="IsComplete">The disk has the whole point.</param>
    /// <param name="IsUntouched">Nothing was written.</param>
    public sealed record EndRestore(JobId Job, bool IsComplete, bool IsUntouched) : DiskCommand;

    /// <summary>Lends the disk for a comparison with the base of a bitmap that is to be added when they were compared.</summary>
    /// <param name="Job">Who gets it.</param>
    /// <param name="Bitmap">With its base.</param>
    /// <param name="Deadline">As of <see cref="LendDisk"/>.</param>
    public sealed record LendDiskForBitmap(JobId Job, AddBitmap Bitmap, DateTimeOffset Deadline) : DiskCommand;

    /// <summary>Looks whether the points are there that bitmaps count from, and takes note of it. Answered when that is done.</summary>
    public sealed record CheckBases : DiskCommand;

    public sealed record DeletePoint(PointId Point, RepositoryName Repository, string RepositoryId) : DiskCommand;
}

/// <summary>(disk, name) of a bitmap.</summary>
public readonly record struct BitmapAddress(DiskId Disk, string Name);

/// <summary>A bitmap that a disk of a group merges from another one.</summary>
/// <param name="Address">The bitmap.</param>
/// <param name="Place">The merge, as an action of the group, from 0: the bitmap is lent as the actions before it leave it.</param>
public sealed record GroupLoan(BitmapAddress Address, int Place);

/// <summary>The bits of a bitmap of another disk.</summary>
/// <param name="Loan">Whose, and for which merge.</param>
/// <param name="DiskSizeBytes">Only disks of equal size can lend to each other.</param>
/// <param name="Dirty">Ascending.</param>
public sealed record LentBitmap(GroupLoan Loan, long DiskSizeBytes, IReadOnlyList<Extent> Dirty);

/// <summary>A backup as it was asked for; what it becomes is decided by the disk.</summary>
public sealed record BackupOrder
{
    public required RepositoryName Repository { get; init; }
    public required string RepositoryId { get; init; }
    public SyncMode Sync { get; init; } = SyncMode.Auto;
    public string? Bitmap { get; init; }
    public BitmapSyncPolicy? Policy { get; init; }

    /// <summary>Lay the point over nothing: copy just the dirty blocks into a partial point.</summary>
    public bool WithoutBase { get; init; }

    public bool FallbackToFull { get; init; }
    public long RateBytesPerSecond { get; init; }
    public int Workers { get; init; }
    public ErrorPolicy OnSourceError { get; init; }
    public ErrorPolicy OnTargetError { get; init; }
    public bool BreakGuestWrite { get; init; }
    public int CbwTimeoutSeconds { get; init; }
    public int Restarts { get; init; }
    public JobId? RetryOf { get; init; }
    public int RestartCount { get; init; }
    public bool AutoFinalize { get; init; } = true;
    public bool AutoDismiss { get; init; } = true;
}
