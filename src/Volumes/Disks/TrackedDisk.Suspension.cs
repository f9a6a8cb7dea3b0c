using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes;

/// <content>Jobs that outlive an orderly stop (rule 17).</content>
/// <remarks>
/// A snapshot without a run is suspended: it goes on protecting its blocks, and the closing of the disk keeps it. Order at the closing: kept blocks and
/// the index in the scratch file, sync, then the clean mark with a note about it in one checkpoint of the tracking file. Order at the opening: the
/// snapshot protects again, then the new generation is durable, which is not clean and has no note, then guests write. So a note counts once.
/// </remarks>
public sealed partial class TrackedDisk
{
    /// <summary>Snapshots that wait for a run, and are good.</summary>
    public IReadOnlyList<SuspendedSnapshot> Suspended =>
        [.. Volatile.Read(ref _snapshots).Where(s => s is { SuspendedAt: not null, Broken: null }).Select(s => new SuspendedSnapshot(s.JobId, s.SuspendedAt!.Value))];

    /// <summary>The job's run lets go of its snapshot for another one, in this process or the next. Its readers have stopped, and all that they read is durable by the stored pair.</summary>
    /// <exception cref="VolumeException">It cannot be suspended: the run still has it.</exception>
    public async Task SuspendAsync(DiskSnapshot snapshot)
    {
        await snapshot.SpillAsync().ConfigureAwait(false);
        using var turn = await EnterAsync().ConfigureAwait(false);
        var isGood = snapshot.Broken is null && _snapshots.Contains(snapshot) && CanOutlive(snapshot.JobId);
        if (!isGood || !TryGetCheckpoint(snapshot.JobId, out var pair) || !(snapshot.LacksNothing(pair.Copy) || !_guards.OwnsWhatIsLeft))
        {
            throw new VolumeException(VolumeError.SnapshotBroken, $"Job {snapshot.JobId} cannot be suspended. Start it again.");
        }

        snapshot.SuspendedAt = Generation;
    }

    /// <summary>The job's suspended snapshot, which the caller disposes from now on; null when there is none, or it is broken.</summary>
    public async Task<DiskSnapshot?> TryAdoptAsync(JobId job)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        if (_snapshots.FirstOrDefault(s => s.JobId == job && s is { SuspendedAt: not null, Broken: null }) is not { } snapshot || _fenced.Contains(job))
        {
            return null;
        }

        snapshot.SuspendedAt = null;
        return snapshot;
    }

    /// <summary>Lets go of the snapshot of a job that nobody goes on with. Harmless when there is none or a run has it.</summary>
    public async Task DropSuspendedAsync(JobId job)
    {
        if (Volatile.Read(ref _snapshots).FirstOrDefault(s => s.JobId == job && s.SuspendedAt is not null) is { } snapshot)
        {
            await CloseSnapshotAsync(snapshot).ConfigureAwait(false);
        }
    }

    /// <summary>Makes the snapshots that the last closing kept. Protects nothing yet that a write could reach: writes are not allowed.</summary>
    private void Resume(string scratchDirectory)
    {
        foreach (var note in _sets.Suspended)
        {
            if (SuspendedScratch.TryOpen(_files, scratchDirectory, _file, _sets, note) is { } found)
            {
                var request = found.Index.Request;
                var store = new CaptureStore(Definition.BlockBytes, request.MemoryBudgetBytes, found.File, _scheduler);
                var snapshot = new DiskSnapshot(request, Definition.Geometry, _backing, store, _scheduler, _time, CloseSnapshotAsync) { SuspendedAt = found.Index.SuspendedAt };
                snapshot.Resume(found.CopyList, found.Copy, found.GivenUp, found.Index.Kept, isProtecting: _guards.ProtectFromOpening);
                _snapshots = [.. _snapshots, snapshot];
            }
        }
    }

    /// <summary>Of an opening that failed: the scratch files stay as they are.</summary>
    private void ReleaseScratch()
    {
        foreach (var snapshot in _snapshots)
        {
            _ = snapshot.CloseStoreAsync(keepScratch: true);
        }
    }

    /// <summary>Keeps suspended snapshots for the next opening, while no write is inside, and breaks the others.</summary>
    private async Task StoreSuspendedAsync()
    {
        var notes = new List<SuspendedNote>();
        foreach (var snapshot in _snapshots)
        {
            if (await TryStoreAsync(snapshot).ConfigureAwait(false) is { } note)
            {
                notes.Add(note);
                await snapshot.CloseStoreAsync(keepScratch: true).ConfigureAwait(false);

                // Nobody may delete the scratch file any more.
                _snapshots = [.. _snapshots.Where(s => s != snapshot)];
            }

            snapshot.Break(new VolumeException(VolumeError.Closed, $"Disk {Definition.Id} was closed while job {snapshot.JobId} read it."));
        }

        _sets.SetSuspended(notes);
    }

    private async Task<SuspendedNote?> TryStoreAsync(DiskSnapshot snapshot)
    {
        if (snapshot.SuspendedAt is not { } suspendedAt || !CanOutlive(snapshot.JobId) || !TryGetCheckpoint(snapshot.JobId, out var pair))
        {
            return null;
        }

        try
        {
            return await snapshot.StoreAsync(pair.Copy, _guards.OwnsWhatIsLeft, (slots, givenUp, kept) => new ScratchIndex
            {
                Disk = Definition.Id,
                Job = snapshot.JobId,
                FileId = FileId,
                Generation = Generation,
                SuspendedAt = suspendedAt,
                BlockBytes = Definition.BlockBytes,
                BlockCount = Definition.Geometry.BlockCount,
                SlotCount = slots,
                Request = snapshot.Request,
                GivenUp = givenUp,
                Kept = kept,
            }).ConfigureAwait(false);
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            // The job is interrupted by this stop, as by a crash.
            return null;
        }
    }

    /// <summary>Every set of the job can be trusted and is stored: bits of a transient bitmap die with the process, and what was to be copied with them.</summary>
    private bool CanOutlive(JobId job) => _sets.All.Where(s => s.Job == job).All(s => !s.IsTransient && s.InconsistentReason is null);
}
