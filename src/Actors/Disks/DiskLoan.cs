using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Disks;

namespace ActorBackup.Actors.Disks;

/// <summary>A disk's data plane in the hands of a job that is not the disk's own: a restore into it, or a comparison with a point of it.</summary>
public abstract record DiskLoan(JobId Job, TrackedDisk Disk)
{
    /// <summary>Nobody else writes, and no guest sees the disk.</summary>
    public sealed record ForRestore(JobId Job, TrackedDisk Disk) : DiskLoan(Job, Disk);

    /// <param name="Job">Of the comparison.</param>
    /// <param name="Disk">In use as ever.</param>
    /// <param name="Before">Blocks that no bitmap with the point as its base calls clean.</param>
    /// <param name="Since">Blocks that were written after that was read.</param>
    public sealed record ForComparison(JobId Job, TrackedDisk Disk, DirtyBitmap Before, WriteWatch Since) : DiskLoan(Job, Disk)
    {
        public bool IsDirty(long block) => Before[block] || Since.Written[block];
    }

    /// <param name="Job">Of the comparison.</param>
    /// <param name="Disk">In use as ever.</param>
    /// <param name="Bitmap">What is added when the disk was compared with its base, which cannot be deleted before.</param>
    /// <param name="Since">Blocks that were written since the comparison began.</param>
    public sealed record ForBitmap(JobId Job, TrackedDisk Disk, DiskCommand.AddBitmap Bitmap, WriteWatch Since) : DiskLoan(Job, Disk)
    {
        /// <summary>Blocks that are not what the base says; null = it is not known yet.</summary>
        public DirtyBitmap? Differs { get; set; }
    }
}
