using System.Collections.Concurrent;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>Which disks of this node are lent to jobs that read or write whole points. They end with the process, as those jobs do.</summary>
/// <remarks>Only the disk's actor lends, in its turn, so that it never starts a job or stops the disk beside a loan; whoever has the loan returns it.</remarks>
public sealed class DiskLoans(IDiskExports exports)
{
    private readonly ConcurrentDictionary<(DiskId Disk, JobId Job), DiskLoan> _loans = new();

    /// <summary>Null when the disk is not lent.</summary>
    public DiskLoan? Of(DiskId disk) => _loans.Where(l => l.Key.Disk == disk).Select(l => l.Value).FirstOrDefault();

    public DiskLoan? Find(DiskId disk, JobId job) => _loans.GetValueOrDefault((disk, job));

    /// <summary>Takes the disk from its guests: none is connected, and from now on none can be.</summary>
    public async Task<bool> LendForRestoreAsync(DiskId id, JobId job, TrackedDisk disk)
    {
        _loans[(id, job)] = new DiskLoan.ForRestore(job, disk);
        await exports.RemoveAsync(id.Value).ConfigureAwait(false);
        return true;
    }

    /// <param name="id">The disk.</param>
    /// <param name="job">Who compares.</param>
    /// <param name="disk">Its data plane.</param>
    /// <param name="bitmaps">Of each bitmap that counts from the point: its sets, whose union is what may differ.</param>
    public async Task<bool> LendForComparisonAsync(DiskId id, JobId job, TrackedDisk disk, IReadOnlyList<ulong[]> bitmaps)
    {
        // The watch comes first: a write is either in a bitmap by then or in the watch.
        var since = await disk.WatchWritesAsync().ConfigureAwait(false);
        var before = DirtyIn(disk, bitmaps[0]);
        foreach (var sets in bitmaps.Skip(1))
        {
            before.IntersectWith(DirtyIn(disk, sets));
        }

        _loans[(id, job)] = new DiskLoan.ForComparison(job, disk, before, since);
        return true;
    }

    /// <summary>Whose writes are watched from now on, so that the bitmap can have them when it is added.</summary>
    public async Task<bool> LendForBitmapAsync(DiskId id, JobId job, TrackedDisk disk, DiskCommand.AddBitmap bitmap)
    {
        _loans[(id, job)] = new DiskLoan.ForBitmap(job, disk, bitmap, await disk.WatchWritesAsync().ConfigureAwait(false));
        return true;
    }

    /// <summary>The job that adds a bitmap of this name; null when none does.</summary>
    public JobId? AdderOf(DiskId disk, string bitmap) =>
        _loans.FirstOrDefault(l => l.Key.Disk == disk && l.Value is DiskLoan.ForBitmap loan && loan.Bitmap.Name == bitmap).Value?.Job;

    /// <summary>Idempotent.</summary>
    public async Task EndAsync(DiskId id, JobId job, Action serve)
    {
        switch (Find(id, job))
        {
            case DiskLoan.ForComparison loan:
                await loan.Since.DisposeAsync().ConfigureAwait(false);
                break;
            case DiskLoan.ForBitmap loan:
                await loan.Since.DisposeAsync().ConfigureAwait(false);
                break;
            case DiskLoan.ForRestore { Disk.IsClosed: false }:
                // What is lent is not served.
                _loans.TryRemove((id, job), out _);
                serve();
                break;
        }

        _loans.TryRemove((id, job), out _);
    }

    private static DirtyBitmap DirtyIn(TrackedDisk disk, ulong[] sets)
    {
        var dirty = new DirtyBitmap(disk.Definition.Geometry);
        foreach (var extent in sets.SelectMany(disk.Extents))
        {
            dirty.MarkBytes(extent.Offset, extent.Length);
        }

        return dirty;
    }
}
