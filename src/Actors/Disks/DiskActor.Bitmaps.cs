using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>Commands on bitmaps.</content>
public sealed partial class DiskActor
{
    private void AddBitmap(DiskCommand.AddBitmap c)
    {
        var decision = BitmapDecider.Add(State, c);
        var added = decision.Events.OfType<DiskEvent.BitmapAdded>().FirstOrDefault();
        GainBits(decision, disk => disk.AddBitmapAsync(added!.SetId, added.GranularityBytes, added.Recording, !added.Persistent));
    }

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
