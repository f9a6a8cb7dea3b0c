using ActorBackup.Actors.Disks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;
using ActorBackup.Storage.Points;
using Akka.Actor;

namespace ActorBackup.Actors.Storage;

/// <summary>How jobs of a repository get at the disks of this node: by asking the disk's actor, which lends them the data plane.</summary>
internal sealed class DiskAccess(LocalDisks local, IActorRef region, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Leaves the disk's actor the time to take the disk from its guests.</summary>
    private static readonly TimeSpan LastMoment = TimeSpan.FromSeconds(40);

    public PointPins Pins => local.Pins;

    /// <exception cref="RefusedException">Says why not.</exception>
    public async Task<DiskLoan> BorrowAsync(DiskId disk, JobId job, RecoveryPoint point, string repositoryId, bool forRestore, bool goesOn)
    {
        await AskAsync(new DiskCommand.LendDisk(job, point.Id, repositoryId, point.SizeBytes, forRestore, clock.GetUtcNow() + LastMoment) { Disk = disk, GoesOn = goesOn }).ConfigureAwait(false);
        return Lent<DiskLoan>(disk, job);
    }

    /// <exception cref="RefusedException">Says why not.</exception>
    public async Task<DiskLoan.ForBitmap> BorrowForBitmapAsync(DiskId disk, JobId job, NewBitmap bitmap, RecoveryPoint point, string repositoryId)
    {
        var order = new DiskCommand.AddBitmap(bitmap.Name, bitmap.GranularityBytes, Recording: true, bitmap.Persistent)
        {
            Disk = disk,
            Base = new AssertedBase(point.Id, repositoryId, point.SizeBytes, point.BlockBytes, point.IsComplete),
        };
        await AskAsync(new DiskCommand.LendDiskForBitmap(job, order, clock.GetUtcNow() + LastMoment) { Disk = disk }).ConfigureAwait(false);
        return Lent<DiskLoan.ForBitmap>(disk, job);
    }

    /// <summary>The disk was compared: its bitmap is added, with its base, and durable.</summary>
    /// <exception cref="RefusedException">Says why not; there is no bitmap then.</exception>
    public Task AddComparedBitmapAsync(DiskId disk, JobId job) => AskAsync(new DiskCommand.AddComparedBitmap(job) { Disk = disk });

    public Task ReturnAsync(DiskId disk, JobId job) => local.ReturnAsync(disk, job);

    /// <summary>A restore has ended. The disk's actor decides whether guests get it.</summary>
    public async Task ReturnRestoredAsync(DiskId disk, JobId job, bool isComplete, bool isUntouched)
    {
        try
        {
            await AskAsync(new DiskCommand.EndRestore(job, isComplete, isUntouched) { Disk = disk }).ConfigureAwait(false);
        }
        finally
        {
            await local.ReturnAsync(disk, job).ConfigureAwait(false);
        }
    }

    private async Task AskAsync(DiskCommand command)
    {
        if (await region.Ask<DiskReply>(command, Patience).ConfigureAwait(false) is DiskReply.Rejected rejected)
        {
            throw new RefusedException(rejected.Refusal);
        }
    }

    private T Lent<T>(DiskId disk, JobId job)
        where T : DiskLoan =>
        local.Loans.Find(disk, job) as T
        ?? throw new RefusedException(new Refusal(RefusalCode.WrongState, $"disk '{disk}' is served by another node; ask that node (--endpoint)"));
}
