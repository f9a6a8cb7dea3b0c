using ActorBackup.Domain;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>How the disk is served: exported bitmaps, unexported.</content>
public sealed partial class DiskActor
{
    /// <summary>In memory first, where connected clients may be in the way; then D; then what a start reads. After a crash between them D decides.</summary>
    private void ChangeExport(Decision<DiskEvent> decision)
    {
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else if (disks.Loans.Of(id) is DiskLoan.ForRestore restore)
        {
            Finish(Rejected(LentTo(restore, "exported otherwise")));
        }
        else if (RequireOnline(out _))
        {
            var export = DiskExport.Of(decision.Events.Aggregate(State, Apply));
            Work(
                () => disks.TryExportAsync(id, export),
                _ => Record(decision.Events, () => FollowExport(FinishWithDisk, Fail)),
                Fail);
        }
    }

    private void FollowExport(Action then, Action<Exception> failed)
    {
        var export = DiskExport.Of(State);
        Work(
            () => disks.FollowAsync(id, export),
            _ => then(),
            e =>
            {
                RecoverLater();
                failed(e);
            });
    }
}
