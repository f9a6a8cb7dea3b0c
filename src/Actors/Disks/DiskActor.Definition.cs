using ActorBackup.Actors.Persistence;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>The disk itself: added, stopped, moved, resized, removed.</content>
public sealed partial class DiskActor
{
    private void AddDisk(DiskCommand.AddDisk c)
    {
        if (State.Definition is not null)
        {
            Refuse(RefusalCode.Duplicate, $"there is already a disk '{id}'; choose another id or remove it first");
            return;
        }

        if (disks.ExportOf(id) is not null)
        {
            Finish(Rejected(LocalDisks.NameOfExport(id)));
            return;
        }

        Work(
            () => disks.CreateAsync(c),
            definition => Record([new DiskEvent.DiskAdded(definition, clock.Now())], () =>
            {
                // Only now may guests see it: a disk that the journal does not know would be forgotten at the next start.
                Work(() => disks.ServeAsync(id), _ => FinishWithDisk(), Fail);
            }),
            Fail);
    }

    private void RemoveDisk()
    {
        if (State.Definition is null)
        {
            Finish(Rejected(BitmapDecider.UnknownDisk(id).Refusal!));
            return;
        }

        if (InUse("removed") is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        Record([new DiskEvent.DiskRemoved(clock.Now())], () =>
            Work(
                () => disks.RemoveAsync(id),
                _ =>
                {
                    // Points that a repository has yet to delete go all the same.
                    Self.Tell(new Recover(), Akka.Actor.ActorRefs.NoSender);
                    Finish(new DiskReply.Done());
                },
                Fail));
    }

    private void StopDisk()
    {
        if (State.Definition is null)
        {
            Finish(Rejected(BitmapDecider.UnknownDisk(id).Refusal!));
        }
        else if (State.IsStopped)
        {
            FinishWithDisk();
        }
        else if (InUse("stopped") is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else
        {
            Record([new DiskEvent.DiskStopped(clock.Now())], () =>
                Work(() => disks.StopAsync(id), _ => FinishWithDisk(), Fail));
        }
    }

    private void StartDisk()
    {
        if (State.Definition is null)
        {
            Finish(Rejected(BitmapDecider.UnknownDisk(id).Refusal!));
            return;
        }

        Work(
            () => disks.StartAsync(id),
            _ => Record(State.IsStopped ? [new DiskEvent.DiskStarted(clock.Now())] : [], () => RecoverThen(FinishWithDisk)),
            Fail);
    }

    private void SetDisk(DiskCommand.SetDisk c)
    {
        if (State.Definition is null)
        {
            Finish(Rejected(BitmapDecider.UnknownDisk(id).Refusal!));
        }
        else if (Local.Disk is not null)
        {
            Refuse(RefusalCode.WrongState, $"disk '{id}' is online; stop it first ('abk disk stop {id}'), then move its file");
        }
        else if (State.IsStopped)
        {
            Work(() => disks.SetAsync(c), definition => Record(Moved(definition), FinishWithDisk), Fail);
        }
        else
        {
            // It is not open because its file is gone: it was not stopped, so it comes back.
            Work(() => disks.SetAsync(c), definition => Record(Moved(definition), StartDisk), Fail);
        }
    }

    private DiskEvent[] Moved(DiskDefinition now) =>
        State.Definition is { } known && (known.Backing != now.Backing || known.TrackingPath != now.TrackingPath)
            ? [new DiskEvent.DiskMoved(now.Backing, now.TrackingPath, clock.Now())]
            : [];

    private void ResizeDisk(DiskCommand.ResizeDisk c)
    {
        if (BitmapDecider.Online(State, id)?.Refusal is { } offline)
        {
            Finish(Rejected(offline));
        }
        else if (c.SizeBytes <= 0 || c.SizeBytes % Core.Blocks.Granularity.SectorBytes != 0)
        {
            Refuse(RefusalCode.InvalidSize, $"a disk is a positive multiple of {Core.Blocks.Granularity.SectorBytes} bytes, and {c.SizeBytes} is not");
        }
        else if ((InUse("resized") ?? ExportDecider.RefuseResize(State, id)) is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else if (RequireOnline(out var disk))
        {
            if (disk.SizeBytes == c.SizeBytes && State.IntendedSizeBytes is null)
            {
                FinishWithDisk();
                return;
            }

            Record([new DiskEvent.DiskResizeIntended(c.SizeBytes, clock.Now())], () => CompleteResize(FinishWithDisk, Fail));
        }
    }

    /// <summary>D has the intention: F, the backing, then D again with the size that came of it.</summary>
    private void CompleteResize(Action then, Action<Exception> failed) =>
        Work(
            () => disks.ResizeAsync(id, State.IntendedSizeBytes!.Value),
            _ => EndResize(() => RecoverThen(then)),
            e => EndResize(() => RecoverThen(() => failed(e))));

    /// <summary>A disk that is not open now may be half-way: its next start goes on.</summary>
    private void EndResize(Action then)
    {
        if (Local.Disk is { } disk)
        {
            Record([new DiskEvent.DiskResized(disk.SizeBytes, clock.Now())], then);
        }
        else
        {
            then();
        }
    }

    private Refusal? InUse(string done)
    {
        if (_running.Count > 0 || State.UnfinishedJobs.Any())
        {
            return new Refusal(RefusalCode.Busy, $"disk '{id}' cannot be {done} while a job runs; cancel it or wait for it ('abk job list --disk {id}')");
        }

        if (State.Groups.Values.FirstOrDefault(g => g.Decision is null) is { } part)
        {
            return new Refusal(RefusalCode.Busy, $"disk '{id}' cannot be {done} while group {part.Group} runs; cancel it or wait for it ('abk group show {part.Group}')");
        }

        if (disks.Loans.Of(id) is { } loan)
        {
            return LentTo(loan, done);
        }

        return disks.ExportOf(id) is { Clients: > 0 } export
            ? new Refusal(RefusalCode.InUse, $"disk '{id}' cannot be {done} while {export.Clients} client(s) are connected; disconnect them first")
            : null;
    }
}
