using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>Points that are deleted.</content>
public sealed partial class DiskActor
{
    private void DeletePoint(DiskCommand.DeletePoint c)
    {
        if (_running.Values.FirstOrDefault(r => r.Spec.Base == c.Point && r.Spec.RepositoryId == c.RepositoryId) is { } user)
        {
            Refuse(RefusalCode.Pinned, $"point {c.Point} is the base of running job {user.Spec.Id}; wait for it or cancel it");
            return;
        }

        if (State.Jobs.TryGetValue(c.Point.Value, out var maker) && !maker.IsSettled)
        {
            Refuse(RefusalCode.Pinned, $"point {c.Point} is the result of job {maker.Spec.Id}, which is not concluded yet; wait for it");
            return;
        }

        var bitmaps = State.Bitmaps.Values.Where(b => b.Base.Point == c.Point && b.Base.RepositoryId == c.RepositoryId).ToArray();
        if (bitmaps.FirstOrDefault(b => b.BusyWith is not null) is { } busy)
        {
            Refuse(RefusalCode.Pinned, $"point {c.Point} is the base of bitmap '{busy.Name}', which job {busy.BusyWith} uses; wait for it");
            return;
        }

        if (bitmaps.FirstOrDefault(b => b.IsExported) is { } exported)
        {
            Refuse(RefusalCode.Pinned, $"point {c.Point} is the base of bitmap '{exported.Name}', which is exported over NBD; 'abk disk export {id}' without it frees both");
            return;
        }

        if (disks.Pins.TryBeginDeletion(c.Point, c.RepositoryId) is { } why)
        {
            Refuse(RefusalCode.Pinned, why);
            return;
        }

        void End(Action then)
        {
            disks.Pins.EndDeletion(c.Point, c.RepositoryId);
            then();
        }

        var gone = State.DeletedPoints;
        Work(
            () => Rebase.PrepareAsync(repositories, c.RepositoryId, c.Point, id, bitmaps, gone, Local.Disk),
            rebase => Record([.. rebase.Events, new DiskEvent.PointDeleted(c.Point, c.RepositoryId)], () =>
                Work(
                    () => rebase.DeleteAsync(c.Point),
                    _ => Record(DeletedPoints.Forgotten(State, [(c.Point, c.RepositoryId)], HasPair), () => End(() => Finish(new DiskReply.Done()))),
                    e => End(() => Fail(e)))),
            e => End(() => Fail(e)));
    }

    /// <summary>The tracking file may have one of the job.</summary>
    private bool HasPair(JobId job) => State.Definition is not null && Local.Disk?.JobsInTracking.Contains(job) != false;
}
