using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>The journal database: the disk's events through the shipped transitions, and the register of tracking files. Durable at once, all or nothing.</summary>
internal sealed class SimJournal(Machine machine)
{
    public DiskState State { get; private set; } = DiskState.Empty;

    public TrackingExpectation? Registered { get; private set; }

    /// <summary>Called with each event in the moment in which it becomes durable.</summary>
    public Action<DiskEvent> Recorded { get; set; } = static _ => { };

    public void Register(int process, TrackingExpectation row) => Write(process, OperationKind.Journal, "D opened", () => Registered = row);

    public void Record(int process, IReadOnlyList<DiskEvent> events)
    {
        if (events.Count == 0)
        {
            return;
        }

        var kind = events.Any(e => e is DiskEvent.JobConcluded) ? OperationKind.Conclusion : OperationKind.Journal;
        Write(process, kind, "D " + string.Join(' ', events.Select(Describe)), () =>
        {
            foreach (var e in events)
            {
                State = DiskTransitions.Apply(State, e);
                Recorded(e);
            }
        });
    }

    private static string Describe(DiskEvent e) =>
        e switch
        {
            DiskEvent.BitmapAdded x => $"{e.GetType().Name} {x.Name} set {x.SetId}",
            DiskEvent.BitmapRemoved x => $"{e.GetType().Name} {x.Name}",
            DiskEvent.BitmapCleared x => $"{e.GetType().Name} {x.Name}",
            DiskEvent.BitmapInvalidated x => $"{e.GetType().Name} {x.Name}",
            DiskEvent.BitmapRecordingChanged x => $"{e.GetType().Name} {x.Name} {x.Recording}",
            DiskEvent.BitmapBaseChanged x => $"{e.GetType().Name} {x.Name} {x.Base.Point}",
            DiskEvent.JobStarted x => $"{e.GetType().Name} {x.Spec.Id} {x.Spec.Sync} {x.Spec.Policy} of set {x.Spec.BitmapSet}",
            DiskEvent.JobConcluded x => $"{e.GetType().Name} {x.Job} {x.Conclusion.Outcome} keeps {x.Conclusion.Remainder} base {x.Conclusion.Base?.Point}",
            DiskEvent.JobSettled x => $"{e.GetType().Name} {x.Job}",
            _ => e.GetType().Name,
        };

    private void Write(int process, OperationKind kind, string what, Action apply)
    {
        machine.Do(process, kind, null, 0, 1, count =>
        {
            if (count == 1)
            {
                machine.Trace.Add(what);
                apply();
            }
        });
    }
}
