using ActorBackup.Actors.Disks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Storage;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Restoring;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Actors.Storage;

/// <summary>What a restore writes into, or what a point is compared with, when that is no file. It is the job's until disposed of.</summary>
internal sealed class JobPlace : IAsyncDisposable
{
    private readonly Func<JobPlace, Task> _release;

    private JobPlace(IRestoreTarget target, DiskLoan? loan, Func<JobPlace, Task> release)
    {
        Target = target;
        Comparison = loan as DiskLoan.ForComparison;
        NewBitmap = loan as DiskLoan.ForBitmap;
        _release = release;
    }

    public IRestoreTarget Target { get; }

    /// <summary>The restore has written all of the point, durably.</summary>
    public bool IsComplete { get; set; }

    /// <summary>The job goes on later: until then the disk is for no guest, also when nothing was written yet.</summary>
    public bool IsSuspended { get; set; }

    /// <summary>A disk that is as it was before the restore.</summary>
    public bool IsUntouched => Target is RestoredDisk { IsTouched: false };

    /// <summary>Of a verify against the disk.</summary>
    public DiskLoan.ForComparison? Comparison { get; }

    /// <summary>Of a comparison that is to add a bitmap.</summary>
    public DiskLoan.ForBitmap? NewBitmap { get; }

    /// <exception cref="RefusedException">The disk cannot be lent; says why.</exception>
    public static async Task<JobPlace> BorrowAsync(DiskAccess disks, DiskId disk, JobId job, RecoveryPoint point, string repositoryId, bool forRestore, bool goesOn)
    {
        var loan = await disks.BorrowAsync(disk, job, point, repositoryId, forRestore, goesOn).ConfigureAwait(false);
        var device = new DeviceTarget(loan.Disk);
        if (forRestore)
        {
            return new JobPlace(new RestoredDisk(device), loan, p => disks.ReturnRestoredAsync(disk, job, p.IsComplete, p.IsUntouched && !p.IsSuspended));
        }

        var place = new JobPlace(device, loan, _ => disks.ReturnAsync(disk, job));
        if (loan.Disk.Definition.Geometry == point.Geometry)
        {
            return place;
        }

        await place.DisposeAsync().ConfigureAwait(false);
        throw new RefusedException(new Refusal(
            RefusalCode.InvalidSize, $"disk '{disk}' is not of the size or granularity of point {point.Id} any more, so they cannot be compared"));
    }

    /// <exception cref="RefusedException">The disk cannot be lent, or its bitmap not be added; says why.</exception>
    public static async Task<JobPlace> BorrowForBitmapAsync(DiskAccess disks, DiskId disk, JobId job, NewBitmap bitmap, RecoveryPoint point, string repositoryId)
    {
        var loan = await disks.BorrowForBitmapAsync(disk, job, bitmap, point, repositoryId).ConfigureAwait(false);
        return new JobPlace(new DeviceTarget(loan.Disk), loan, _ => disks.ReturnAsync(disk, job));
    }

    /// <summary>Opens a block device, exclusively, or an NBD export.</summary>
    /// <exception cref="Volumes.VolumeException">It cannot be used; says why.</exception>
    /// <exception cref="RefusedException">It is too small.</exception>
    public static async Task<JobPlace> OpenAsync(string location, RecoveryPoint point, TimeProvider clock)
    {
        // A server that cannot flush writes through or cannot do better; what it was sent it has.
        var backing = await Backing.OpenAsync(Files.LinuxFileLayer.Instance, location, readOnly: false, assumeDurable: true, clock).ConfigureAwait(false);
        var place = new JobPlace(new BackingTarget(backing, Files.IoThreads.Instance), null, _ => Task.Run(backing.Dispose));
        if (backing.SizeBytes >= point.SizeBytes)
        {
            return place;
        }

        await place.DisposeAsync().ConfigureAwait(false);
        throw new RefusedException(new Refusal(
            RefusalCode.InvalidSize, $"{location} has {backing.SizeBytes} bytes and point {point.Id} {point.SizeBytes}; choose a target that is large enough"));
    }

    public async ValueTask DisposeAsync() => await _release(this).ConfigureAwait(false);
}
