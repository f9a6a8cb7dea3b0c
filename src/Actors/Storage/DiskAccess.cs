using ActorBackup.Actors.Disks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;
using Akka.Actor;

namespace ActorBackup.Actors.Storage;

/// <summary>How jobs of a repository get at the disks of this node: by asking the disk's actor, which lends them the data plane.</summary>
internal sealed class DiskAccess(LocalDisks local, IActorRef region, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Leaves the disk's actor the time to take the disk from its guests.</summary>
    private static readonly TimeSpan LastMoment = TimeSpan.FromSeconds(40);

    /// <exception cref="RefusedException">Says why not.</exception>
    public async Task<DiskLoan> BorrowAsync(DiskId disk, JobId job, RecoveryPoint point, string repositoryId, bool forRestore)
    {
        var order = new DiskCommand.LendDisk(job, point.Id, repositoryId, point.SizeBytes, forRestore, clock.GetUtcNow() + LastMoment) { Disk = disk };
        return await region.Ask<DiskReply>(order, Patience).ConfigureAwait(false) is DiskReply.Rejected rejected
            ? throw new RefusedException(rejected.Refusal)
            : local.Loans.Find(disk, job)
                ?? throw new RefusedException(new Refusal(RefusalCode.WrongState, $"disk '{disk}' is served by another node; ask that node (--endpoint)"));
    }

    public Task ReturnAsync(DiskId disk, JobId job) => local.ReturnAsync(disk, job);
}
