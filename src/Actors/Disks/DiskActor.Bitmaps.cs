using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>Commands on bitmaps.</content>
public sealed partial class DiskActor
{
    private void AddBitmap(DiskCommand.AddBitmap c)
    {
        var decision = BitmapDecider.Add(State, c);
        if ((TakenBy(c.Name) ?? (c.Base is null ? null : WhyNoNewBase())) is { } refusal)
        {
            Finish(Rejected(decision.Refusal ?? refusal));
            return;
        }

        var added = decision.Events.OfType<DiskEvent.BitmapAdded>().FirstOrDefault();
        GainBits(decision, disk => c.Base is { } asserted
            ? NewBase.AddAsync(repositories, disk, added!, asserted, null)
            : disk.AddBitmapAsync(added!.SetId, added.GranularityBytes, added.Recording, !added.Persistent));
    }

    private void AddCompared(DiskCommand.AddComparedBitmap c)
    {
        if (disks.Loans.Find(id, c.Job) is not DiskLoan.ForBitmap { Differs: not null } loan)
        {
            Refuse(RefusalCode.WrongState, $"disk '{id}' is not lent to job {c.Job} any more; compare it again");
            return;
        }

        var decision = BitmapDecider.Add(State, loan.Bitmap);
        var added = decision.Events.OfType<DiskEvent.BitmapAdded>().FirstOrDefault();
        GainBits(decision, disk => NewBase.AddAsync(repositories, disk, added!, loan.Bitmap.Base!, loan));
    }

    /// <summary>Nobody else may take the name of a bitmap whose disk is being compared.</summary>
    private Refusal? TakenBy(string bitmap) =>
        disks.Loans.AdderOf(id, bitmap) is { } job
            ? new Refusal(RefusalCode.Busy, $"bitmap '{bitmap}' of disk '{id}' is being added by job {job}; wait for it ('abk job wait {job}') or cancel it")
            : null;

    /// <summary>What is being restored equals nothing yet.</summary>
    private Refusal? WhyNoNewBase() => disks.Loans.Of(id) is DiskLoan.ForRestore restore ? LentTo(restore, "compared with a point") : null;

    /// <summary>F first, then D: a recorder that D does not know yet only costs a little.</summary>
    private void GainBits(Decision<DiskEvent> decision, Func<Volumes.TrackedDisk, Task> change)
    {
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else if (decision.Events.IsEmpty)
        {
            Finish(new DiskReply.Done());
        }
        else if (RequireOnline(out var disk))
        {
            Work(() => Complete(change(disk)), _ => Record(decision.Events, () => Finish(new DiskReply.Done())), Fail);
        }
    }

    /// <summary>D first, then F: bits that D has given up may stay, never the other way round.</summary>
    private void GiveUpBits(Decision<DiskEvent> decision, string bitmap, Func<Volumes.TrackedDisk, ulong, Task> change)
    {
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
        }
        else if (decision.Events.IsEmpty)
        {
            Finish(new DiskReply.Done());
        }
        else if (RequireOnline(out var disk))
        {
            var set = State.Bitmaps[bitmap].SetId;
            Record(decision.Events, () => Work(() => Complete(change(disk, set)), _ => Finish(new DiskReply.Done()), Fail));
        }
    }

    private void Merge(DiskCommand.MergeBitmaps c)
    {
        if (!c.Sources.Any(s => s.Disk != id))
        {
            MergeResolved(c, new Dictionary<BitmapAddress, ForeignBitmap>());
            return;
        }

        var self = Self;
        var region = runner.Disks;
        Work(
            () => ForeignBitmap.FetchAsync(region, c.Sources.Where(s => s.Disk != id)),
            foreign => MergeResolved(c, foreign),
            Fail);
    }

    private void MergeResolved(DiskCommand.MergeBitmaps c, IReadOnlyDictionary<BitmapAddress, ForeignBitmap> foreign)
    {
        var size = State.Definition?.SizeBytes ?? 0;
        var decision = BitmapDecider.Merge(State, c, foreign.ToDictionary(f => f.Key, f => f.Value.RefusalFor(size)));
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        var own = c.Sources.Where(s => s.Disk == id).Select(s => State.Bitmaps[s.Name].SetId).ToArray();
        var extents = foreign.Values.SelectMany(f => f.Dirty).ToArray();
        GainBits(decision, async disk =>
        {
            var target = State.Bitmaps[c.Target].SetId;
            await disk.MergeAsync(target, own).ConfigureAwait(false);
            await disk.MarkAsync(target, extents).ConfigureAwait(false);
        });
    }
}
