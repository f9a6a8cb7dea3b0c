using System.Diagnostics;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Domain.Disks;

/// <summary>How each event changes the state: deterministic and total over every event ever written.</summary>
public static class DiskTransitions
{
    public static DiskState Apply(DiskState state, DiskEvent e) =>
        e switch
        {
            DiskEvent.DiskAdded x => state with { Definition = x.Definition, IsStopped = false },
            DiskEvent.DiskRemoved => new DiskState { NextSetId = state.NextSetId, Jobs = state.Jobs, DeletedPoints = state.DeletedPoints },
            DiskEvent.DiskStopped => state with { IsStopped = true },
            DiskEvent.DiskStarted => state with { IsStopped = false },
            DiskEvent.DiskResizeIntended x => state with { IntendedSizeBytes = x.SizeBytes },
            DiskEvent.DiskResized x => Resized(state, x.SizeBytes),
            DiskEvent.DiskMoved x => state with { Definition = state.Definition is { } d ? d with { Backing = x.Backing, TrackingPath = x.TrackingPath } : null },
            DiskEvent.DiskExported x => Exporting(state, x.Bitmaps) with { IsUnexported = false },
            DiskEvent.DiskUnexported => Exporting(state, []) with { IsUnexported = true },
            DiskEvent.DiskRestoreBegun x => state with { Restore = new DiskRestore(x.Job, x.Point, state.Restore is null) },
            DiskEvent.DiskRestoreEnded => state with { Restore = null },
            DiskEvent.BitmapAdded x => Added(state, x),
            DiskEvent.BitmapRemoved x => state with { Bitmaps = state.Bitmaps.Remove(x.Name) },
            DiskEvent.BitmapCleared x => With(state, x.Name, b => b with { Base = BitmapBase.None, AwaitsBaseOf = null }),
            DiskEvent.BitmapRecordingChanged x => With(
                state, x.Name, b => b with { Recording = x.Recording, Base = x.Recording ? b.Base : BitmapBase.None, AwaitsBaseOf = null }),
            DiskEvent.BitmapMerged => state,
            DiskEvent.BitmapBaseChanged x => With(state, x.Name, b => b with { Base = x.Base }),
            DiskEvent.BitmapInvalidated x => With(state, x.Name, b => b with { InconsistentReason = x.Reason, Base = BitmapBase.None, IsExported = false, AwaitsBaseOf = null }),
            DiskEvent.JobStarted x => Started(state, x),
            DiskEvent.JobPolicyChanged x => With(state, x.Job.Value, (JobState j) => j with { Policy = x.Policy }),
            DiskEvent.JobPending x => With(state, x.Job.Value, (JobState j) => j with { Pending = x.Pending, Suspended = null, HadBeenPending = true }),
            DiskEvent.JobSuspended x => With(state, x.Job.Value, (JobState j) => j with { Suspended = x.Suspended }),
            DiskEvent.JobsForgotten x => state with { Jobs = state.Jobs.RemoveRange(x.Jobs.Select(j => j.Value)) },
            DiskEvent.JobConcluded x => Concluded(state, x),
            DiskEvent.JobSettled x => Settled(state, x),
            DiskEvent.JobDismissed x => With(state, x.Job.Value, (JobState j) => j with { IsDismissed = true }),
            DiskEvent.GroupJoined x => Joined(state, x),
            DiskEvent.GroupDecided x => Decided(state, x),
            DiskEvent.GroupLeft x => state with { Groups = state.Groups.Remove(x.Group.Value) },
            DiskEvent.PointDeleted x => state with { DeletedPoints = state.DeletedPoints.Add((x.Point, x.RepositoryId)) },
            DiskEvent.PointGone x => state with { DeletedPoints = state.DeletedPoints.Remove((x.Point, x.RepositoryId)) },
            _ => throw new UnreachableException($"No transition for {e.GetType().Name}."),
        };

    private static DiskState Exporting(DiskState state, IReadOnlyList<string> bitmaps) =>
        state with
        {
            Bitmaps = state.Bitmaps.SetItems(
                state.Bitmaps.Select(b => KeyValuePair.Create(b.Key, b.Value with { IsExported = bitmaps.Contains(b.Key) }))),
        };

    /// <summary>A point of another size cannot be what the next one is laid over.</summary>
    private static DiskState Resized(DiskState state, long sizeBytes)
    {
        if (state.Definition is not { } definition || definition.SizeBytes == sizeBytes)
        {
            return state with { IntendedSizeBytes = null };
        }

        return state with
        {
            IntendedSizeBytes = null,
            Definition = definition with { SizeBytes = sizeBytes },
            Bitmaps = state.Bitmaps.SetItems(
                state.Bitmaps.Select(b => KeyValuePair.Create(b.Key, b.Value with { Base = BitmapBase.None, AwaitsBaseOf = null }))),
        };
    }

    private static DiskState Added(DiskState state, DiskEvent.BitmapAdded x) =>
        state with
        {
            Bitmaps = state.Bitmaps.SetItem(
                x.Name, new BitmapState(x.Name, x.SetId, x.GranularityBytes, x.Recording, x.Persistent, x.Base, null, null)),
            NextSetId = Math.Max(state.NextSetId, x.SetId + 1),
        };

    private static DiskState Started(DiskState state, DiskEvent.JobStarted x)
    {
        var job = new JobState(x.Spec, x.Spec.Policy, x.At, null, null, false, false);
        var next = state with
        {
            Jobs = state.Jobs.SetItem(x.Spec.Id.Value, job),
            NextSetId = Math.Max(state.NextSetId, x.Spec.SuccessorSet + 1),
        };
        return x.Spec.Bitmap is { } bitmap ? With(next, bitmap, b => b with { BusyWith = x.Spec.Id }) : next;
    }

    private static DiskState Concluded(DiskState state, DiskEvent.JobConcluded x)
    {
        var next = With(state, x.Job.Value, (JobState j) => j with { Conclusion = x.Conclusion, EndedAt = x.At, Pending = null, Suspended = null });
        if (x.Conclusion.Outcome == JobOutcome.Success)
        {
            next = next with { LastPoint = x.Conclusion.Point ?? next.LastPoint, LastSuccessAt = x.At };
        }

        next = BasesGiven(next, x);

        // The bitmap stays busy until the tracking file is settled: its bits are still three sets.
        // A transient bitmap may have died with its process, and another one have got its name: that one never counted from this point.
        return x.Conclusion.Base is { } basePoint && state.Jobs[x.Job.Value].Spec is { Bitmap: { } bitmap, BitmapSet: var set }
            ? With(next, bitmap, b => b.SetId != set ? b : b with { Base = b.Recording ? basePoint : BitmapBase.None })
            : next;
    }

    /// <summary>A bitmap that was emptied at the instant of a full backup counts from its point. When there is none it counts from nothing, as before.</summary>
    private static DiskState BasesGiven(DiskState state, DiskEvent.JobConcluded x)
    {
        var given = x.Conclusion is { Outcome: JobOutcome.Success, Point: { } point }
            ? new BitmapBase(BaseState.Valid, point, state.Jobs[x.Job.Value].Spec.RepositoryId)
            : (BitmapBase?)null;
        return state with
        {
            Bitmaps = state.Bitmaps.SetItems(
                state.Bitmaps.Where(b => b.Value.AwaitsBaseOf == x.Job)
                    .Select(b => KeyValuePair.Create(b.Key, b.Value with { AwaitsBaseOf = null, Base = given ?? b.Value.Base }))),
        };
    }

    private static DiskState Joined(DiskState state, DiskEvent.GroupJoined x)
    {
        var next = state with
        {
            Groups = state.Groups.SetItem(x.Group.Value, new GroupPart(x.Group, x.Completion, x.Overlays, x.Jobs, null) { Made = x.Made }),
            NextSetId = x.Overlays.Select(o => o.SetId + 1).Append(state.NextSetId).Max(),
        };
        return x.Overlays.Aggregate(next, (s, o) => With(s, o.Name, b => b with { Group = x.Group }));
    }

    private static DiskState Decided(DiskState state, DiskEvent.GroupDecided x)
    {
        if (!state.Groups.TryGetValue(x.Group.Value, out var part) || part.Decision is not null)
        {
            return state;
        }

        part = part with { Decision = x.Decision };
        var next = state with { Groups = state.Groups.SetItem(x.Group.Value, part) };
        return part.Overlays.Aggregate(next, (s, o) => part.OverlaysCount ? Overlaid(s, o) : With(s, o.Name, b => b with { Group = null }));
    }

    private static DiskState Overlaid(DiskState state, BitmapOverlay o)
    {
        var user = state.UnfinishedJobs.FirstOrDefault(j => j.Spec.BitmapSet == o.SetId)?.Spec.Id;
        var bitmap = new BitmapState(o.Name, o.SetId, o.GranularityBytes, o.Recording, o.Persistent, o.Base, user, null) { AwaitsBaseOf = o.AwaitsBaseOf };
        return state with { Bitmaps = state.Bitmaps.SetItem(o.Name, bitmap) };
    }

    private static DiskState Settled(DiskState state, DiskEvent.JobSettled x)
    {
        var next = With(state, x.Job.Value, (JobState j) => j with { IsSettled = true });
        return state.Jobs[x.Job.Value].Spec.Bitmap is { } bitmap
            ? With(next, bitmap, b => b.BusyWith == x.Job ? b with { BusyWith = null } : b)
            : next;
    }

    private static DiskState With(DiskState state, string name, Func<BitmapState, BitmapState> change) =>
        state.Bitmaps.TryGetValue(name, out var bitmap)
            ? state with { Bitmaps = state.Bitmaps.SetItem(name, change(bitmap)) }
            : state;

    private static DiskState With(DiskState state, string job, Func<JobState, JobState> change) =>
        state with { Jobs = state.Jobs.SetItem(job, change(state.Jobs[job])) };
}
