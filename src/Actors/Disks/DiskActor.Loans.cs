using ActorBackup.Actors.Persistence;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>What jobs of other actors do with the disk: restores into it, comparisons with a point.</content>
public sealed partial class DiskActor
{
    private Refusal LentTo(DiskLoan loan, string done) =>
        new(RefusalCode.Busy, $"disk '{id}' cannot be {done} while job {loan.Job} uses it; cancel it or wait for it ('abk job wait {loan.Job}')");

    private void Lend(DiskCommand.LendDisk c)
    {
        if (CanLend(c.Deadline, out var disk))
        {
            if (c.ForRestore)
            {
                LendForRestore(c, disk);
            }
            else
            {
                LendForComparison(c, disk);
            }
        }
    }

    private void LendForBitmap(DiskCommand.LendDiskForBitmap c)
    {
        if (!CanLend(c.Deadline, out var disk))
        {
            return;
        }

        if ((WhyNoNewBase() ?? TakenBy(c.Bitmap.Name) ?? BitmapDecider.Add(State, c.Bitmap).Refusal) is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else
        {
            Work(() => disks.Loans.LendForBitmapAsync(id, c.Job, disk, c.Bitmap), _ => Finish(new DiskReply.Done()), Fail);
        }
    }

    /// <summary>False = it was refused.</summary>
    private bool CanLend(DateTimeOffset deadline, out Volumes.TrackedDisk disk)
    {
        disk = null!;
        if (BitmapDecider.Online(State, id)?.Refusal is { } offline)
        {
            Finish(Rejected(offline));
            return false;
        }

        if (clock.GetUtcNow() > deadline)
        {
            Refuse(RefusalCode.NotReady, $"disk '{id}' was busy for too long; try again");
            return false;
        }

        return RequireOnline(out disk);
    }

    private void LendForRestore(DiskCommand.LendDisk c, Volumes.TrackedDisk disk)
    {
        if (c.GoesOn && State.Restore?.Job != c.Job)
        {
            // Somebody wanted the disk as it was, or restored another point into it: what the job would write now is not what is wanted any more.
            Refuse(RefusalCode.WrongState, $"disk '{id}' was exported or restored by somebody else while job {c.Job} waited; it is left as it is");
        }
        else if (Lending.WhyNotForRestore(id, c, disk) is { } impossible)
        {
            Finish(Rejected(impossible));
        }
        else if (InUse("restored into") is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else
        {
            // D, then what a start reads: whatever is written, no later process shows half of it to guests.
            var now = clock.Now();
            Record([new DiskEvent.DiskRestoreBegun(c.Job, c.Point, now)], () =>
            {
                var export = DiskExport.Of(State);
                Work(
                    async () => await disks.FollowAsync(id, export).ConfigureAwait(false) && await disks.Loans.LendForRestoreAsync(id, c.Job, disk).ConfigureAwait(false),
                    _ => Finish(new DiskReply.Done()),
                    e => GiveBack(new DiskCommand.EndRestore(c.Job, IsComplete: false, IsUntouched: true) { Disk = id }, () => Fail(e), _ => Fail(e)));
            });
        }
    }

    private void EndRestore(DiskCommand.EndRestore c) => GiveBack(c, () => Finish(new DiskReply.Done()), Fail);

    /// <summary>Guests have the disk again, unless it is half restored.</summary>
    private void GiveBack(DiskCommand.EndRestore c, Action then, Action<Exception> failed) =>
        Record(ExportDecider.EndRestore(State, c, clock.Now()).Events, () =>
        {
            var export = DiskExport.Of(State);
            Work(
                async () =>
                {
                    await disks.FollowAsync(id, export).ConfigureAwait(false);
                    await disks.ReturnAsync(id, c.Job).ConfigureAwait(false);
                    return true;
                },
                _ => then(),
                e =>
                {
                    RecoverLater();
                    failed(e);
                });
        });

    private void LendForComparison(DiskCommand.LendDisk c, Volumes.TrackedDisk disk)
    {
        var bitmaps = Lending.SetsCountingFrom(State, c.Point, c.RepositoryId, disk);
        if (bitmaps.Count == 0)
        {
            Finish(Rejected(Lending.NoBitmap(id, c.Point)));
        }
        else if (disks.Loans.Of(id) is DiskLoan.ForRestore restore)
        {
            Finish(Rejected(LentTo(restore, "compared")));
        }
        else
        {
            Work(() => disks.Loans.LendForComparisonAsync(id, c.Job, disk, bitmaps), _ => Finish(new DiskReply.Done()), Fail);
        }
    }
}
