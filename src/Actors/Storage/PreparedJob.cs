using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Files;
using ActorBackup.Messages;
using ActorBackup.Messages.Storage;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Actors.Storage;

/// <summary>A restore or verify that may begin: its point is there, and its place is taken. What can be known to be wrong is refused before, and changes nothing.</summary>
/// <param name="Job">As it will be recorded.</param>
/// <param name="Point">What it reads.</param>
/// <param name="Place">Null for a file, and for a verify of the repository alone.</param>
internal sealed record PreparedJob(StorageJob Job, RecoveryPoint Point, JobPlace? Place)
{
    /// <exception cref="RefusedException">Says why not.</exception>
    public static async Task<PreparedJob> PrepareAsync(StorageCommand.StartJob order, JobId id, OpenRepository open, DiskAccess disks, TimeProvider clock)
    {
        var point = await FindAsync(order.Point, open).ConfigureAwait(false);
        var disk = order.Bitmap is null ? point.Disk : JobTarget.DiskOf(order.Target)!.Value;
        var job = new StorageJob(id, order.Kind, order.Point, disk, order.Target, order.Force, order.Percent)
        {
            Bitmap = order.Bitmap,
            RateBytesPerSecond = order.RateBytesPerSecond,
            RetryOf = order.RetryOf,
        };
        return await PrepareAsync(job, point, open, disks, goesOn: false, clock).ConfigureAwait(false);
    }

    /// <summary>The same for a job that goes on after a stop of its node.</summary>
    /// <exception cref="RefusedException">Says why not.</exception>
    public static async Task<PreparedJob> PrepareAgainAsync(StorageJob job, OpenRepository open, DiskAccess disks, TimeProvider clock) =>
        await PrepareAsync(job, await FindAsync(job.Point, open).ConfigureAwait(false), open, disks, goesOn: true, clock).ConfigureAwait(false);

    private static async Task<RecoveryPoint> FindAsync(PointId id, OpenRepository open)
    {
        if (await open.Data.Points.TryGetAsync(id, CancellationToken.None).ConfigureAwait(false) is { } point)
        {
            return point;
        }

        // Where the repository is away every point seems gone.
        await open.EnsureAvailableAsync().ConfigureAwait(false);
        throw Refuse(RefusalCode.UnknownPoint, $"there is no point '{id}'; 'abk point list' shows the points");
    }

    private static async Task<PreparedJob> PrepareAsync(StorageJob job, RecoveryPoint point, OpenRepository open, DiskAccess disks, bool goesOn, TimeProvider clock)
    {
        if (job.Kind == JobKind.Restore && !point.IsComplete && !job.Force)
        {
            throw Refuse(
                RefusalCode.Partial, $"point {point.Id} is partial: it lacks blocks ('abk point show {point.Id}' lists them); add --force to restore what it has");
        }

        return new PreparedJob(job, point, await PlaceOfAsync(job, point, open, disks, goesOn, clock).ConfigureAwait(false));
    }

    private static async Task<JobPlace?> PlaceOfAsync(StorageJob job, RecoveryPoint point, OpenRepository open, DiskAccess disks, bool goesOn, TimeProvider clock)
    {
        if (job.Target is not { } target)
        {
            return null;
        }

        if (JobTarget.DiskOf(target) is { } disk)
        {
            return await (job.Bitmap is { } bitmap
                ? JobPlace.BorrowForBitmapAsync(disks, disk, job.Id, bitmap, point, open.Data.Id)
                : JobPlace.BorrowAsync(disks, disk, job.Id, point, open.Data.Id, job.Kind == JobKind.Restore, goesOn && job.Kind == JobKind.Restore)).ConfigureAwait(false);
        }

        var isNbd = Backing.IsNbd(target);
        if (!isNbd && LinuxFileLayer.Instance.KindOf(target) != FileKind.BlockDevice)
        {
            CheckFile(target, job.Force);
            return null;
        }

        return job.Force
            ? await JobPlace.OpenAsync(target, point, clock).ConfigureAwait(false)
            : throw Refuse(RefusalCode.Exists, $"{target} is {(isNbd ? "an NBD export" : "a block device")}; add --force to overwrite what is on it");
    }

    private static void CheckFile(string target, bool force)
    {
        if (Directory.Exists(target))
        {
            throw Refuse(RefusalCode.NotAFile, $"{target} is a directory; name the file to write");
        }

        if (File.Exists(target) && !force)
        {
            throw Refuse(RefusalCode.Exists, $"{target} exists; choose another --to, or add --force to replace it");
        }

        if (!Directory.Exists(Path.GetDirectoryName(target)))
        {
            throw Refuse(RefusalCode.MissingFile, $"the directory of {target} does not exist; create it first");
        }
    }

    private static RefusedException Refuse(RefusalCode code, string message) => new(new Refusal(code, message));
}
