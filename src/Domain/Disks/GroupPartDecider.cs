using System.Diagnostics;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Domain.Disks;

/// <summary>Whether a disk can do its part of a group, and what that is. Every action is decided on what the ones before it would have made of the disk.</summary>
/// <remarks>
/// An action that changes a bitmap makes an overlay of it: a set with an id of its own. The bitmap goes on as it is until the group's end, so that an abort
/// leaves the old bits and whatever was written meanwhile.
/// </remarks>
public sealed class GroupPartDecider
{
    private readonly DiskId _disk;
    private readonly DiskCommand.PrepareGroup _command;
    private readonly IReadOnlyList<bool> _basesAreThere;
    private readonly Func<JobId> _newJob;
    private readonly DateTimeOffset _now;
    private readonly Dictionary<string, ulong?> _altered = new(StringComparer.Ordinal);
    private readonly HashSet<string> _emptied = new(StringComparer.Ordinal);
    private readonly List<PlannedStep> _steps = [];
    private readonly List<PlannedLoan> _lent = [];
    private readonly List<BackupSpec> _jobs = [];
    private readonly List<DiskEvent> _made = [];
    private DiskState _virtual;

    /// <summary>The job whose point has every block as it was at the instant.</summary>
    private JobId? _full;

    private GroupPartDecider(
        DiskState state, DiskId disk, DiskCommand.PrepareGroup command, IReadOnlyList<bool> basesAreThere, Func<JobId> newJob, DateTimeOffset now)
    {
        (_virtual, _disk, _command, _basesAreThere, _newJob, _now) = (state, disk, command, basesAreThere, newJob, now);
    }

    /// <param name="state">Of the disk.</param>
    /// <param name="disk">Its id.</param>
    /// <param name="command">The actions.</param>
    /// <param name="basesAreThere">Per backup among them, in order: whether its repository has the base that <see cref="BackupDecider.BaseToLookFor"/> names.</param>
    /// <param name="newJob">Makes ids.</param>
    /// <param name="now">The time of the decision.</param>
    public static GroupPreparation Prepare(
        DiskState state, DiskId disk, DiskCommand.PrepareGroup command, IReadOnlyList<bool> basesAreThere, Func<JobId> newJob, DateTimeOffset now)
    {
        var decider = new GroupPartDecider(state, disk, command, basesAreThere, newJob, now);
        for (var i = 0; i < command.Actions.Count; i++)
        {
            if (decider.Take(command.Actions[i], command.Places[i]) is { } refusal)
            {
                return new GroupPreparation(new Decision<DiskEvent>([], refusal), null) { RefusedAction = i };
            }
        }

        return decider.Conclude();
    }

    private Refusal? Take(DiskCommand action, int place) =>
        action switch
        {
            DiskCommand.StartBackup c => TakeBackup(c.Order),
            DiskCommand.AddBitmap c => TakeBitmap(BitmapDecider.Add(_virtual, c)),
            DiskCommand.ClearBitmap c => TakeBitmap(BitmapDecider.Clear(_virtual, c)),
            DiskCommand.SetBitmapRecording c => TakeBitmap(BitmapDecider.SetRecording(_virtual, c)),
            DiskCommand.MergeBitmaps c => TakeMerge(c, place),
            DiskCommand.LendToGroup c => Lend(c, place),
            _ => throw new UnreachableException($"{action.GetType().Name} is no action of a group."),
        };

    private Refusal? TakeBackup(BackupOrder asked)
    {
        var order = BackupDecider.Again(asked, _virtual);
        if (order.Bitmap is { } name && order.Policy == BitmapSyncPolicy.Always && _altered.ContainsKey(name) && _command.Completion == GroupCompletion.Grouped)
        {
            return OverlaidPolicy.Refuse(name, _disk);
        }

        if (order.Sync == SyncMode.None && _command.Completion == GroupCompletion.Grouped)
        {
            return new Refusal(RefusalCode.InvalidPolicy, "a job with sync 'none' ends only when it is cancelled, so it cannot share the outcome of a group; use completionMode individual");
        }

        var decision = BackupDecider.Start(_virtual, _disk, order, _basesAreThere[_jobs.Count], _newJob(), _now);
        foreach (var e in decision.Events)
        {
            var x = e is DiskEvent.JobStarted started
                ? started with { Spec = started.Spec with { Group = _command.Group, IsGrouped = _command.Completion == GroupCompletion.Grouped } }
                : e;
            if (x is DiskEvent.JobStarted { Spec: var spec })
            {
                _jobs.Add(spec);

                // A full backup that goes on where it failed copies only the rest.
                _full ??= spec.Sync == SyncMode.Full || asked.Sync == SyncMode.Full ? spec.Id : null;
            }

            _made.Add(x);
            _virtual = DiskTransitions.Apply(_virtual, x);
        }

        return decision.Refusal;
    }

    private Refusal? TakeBitmap(Decision<DiskEvent> decision)
    {
        foreach (var e in decision.Events)
        {
            switch (e)
            {
                case DiskEvent.BitmapAdded x:
                    _altered[x.Name] = null;
                    _emptied.Add(x.Name);
                    _virtual = DiskTransitions.Apply(_virtual, e);
                    break;
                case DiskEvent.BitmapCleared x:
                    _steps.Add(new PlannedStep(Alter(x.Name, e), null));
                    _emptied.Add(x.Name);
                    break;
                case DiskEvent.BitmapRecordingChanged x:
                    Alter(x.Name, e);
                    break;
                default:
                    throw new UnreachableException($"{e.GetType().Name} comes of no action of a group.");
            }
        }

        return decision.Refusal;
    }

    /// <summary>What other disks lend is validated by them.</summary>
    private Refusal? TakeMerge(DiskCommand.MergeBitmaps c, int place)
    {
        var borrowed = c.Sources.Where(s => s.Disk != _disk).Distinct().ToList();
        var decision = BitmapDecider.Merge(_virtual, c, borrowed.ToDictionary(s => s, _ => (Refusal?)null));
        foreach (var e in decision.Events)
        {
            var target = Alter(c.Target, e);
            var own = c.Sources.Where(s => s.Disk == _disk).Select(s => _virtual.Bitmaps[s.Name].SetId);
            _steps.Add(new PlannedStep(target, [.. own]) { Borrowed = [.. borrowed.Select(b => new GroupLoan(b, place))] });
        }

        return decision.Refusal;
    }

    /// <summary>Lent are the bits that the bitmap has while writes are held and after the steps so far.</summary>
    private Refusal? Lend(DiskCommand.LendToGroup c, int place)
    {
        if (BitmapDecider.Find(_virtual, _disk, c.Name, needConsistent: true, out var bitmap) is { } refused)
        {
            return refused.Refusal;
        }

        _lent.Add(new PlannedLoan(new GroupLoan(new BitmapAddress(_disk, c.Name), place), bitmap!.SetId, _steps.Count));
        return null;
    }

    /// <summary>The set that stands for the bitmap from here on.</summary>
    private ulong Alter(string name, DiskEvent e)
    {
        var bitmap = _virtual.Bitmaps[name];
        if (_altered.TryAdd(name, bitmap.SetId))
        {
            bitmap = bitmap with { SetId = _virtual.NextSetId };
            _virtual = _virtual with { Bitmaps = _virtual.Bitmaps.SetItem(name, bitmap), NextSetId = _virtual.NextSetId + 1 };
        }

        _virtual = DiskTransitions.Apply(_virtual, e);
        return bitmap.SetId;
    }

    private GroupPreparation Conclude()
    {
        var overlays = _altered.Keys.Select(name => OverlayOf(_virtual.Bitmaps[name])).ToList();
        var joined = new DiskEvent.GroupJoined(_command.Group, _command.Completion, overlays, [.. _jobs.Select(j => j.Id)], _now)
        {
            Made = [.. _made.OfType<DiskEvent.BitmapAdded>().Select(b => b.Name)],
        };
        var sets = overlays.Select(o => new PlannedSet(o.SetId, o.GranularityBytes, o.Recording, o.Persistent, _altered[o.Name]));
        return new GroupPreparation(new Decision<DiskEvent>([joined, .. _made], null), new GroupPlan([.. sets], _steps, _jobs) { Lent = _lent });
    }

    /// <summary>Rule 14: what was emptied at the instant of a full backup, and records, counts from its point.</summary>
    private BitmapOverlay OverlayOf(BitmapState b) =>
        new(
            b.Name,
            b.SetId,
            b.GranularityBytes,
            b.Recording,
            b.Persistent,
            b.Base,
            _emptied.Contains(b.Name) && b is { Recording: true, BusyWith: null, Base.State: BaseState.None } ? _full : null);
}
