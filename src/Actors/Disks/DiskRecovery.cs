using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Persistence;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Disks;

/// <summary>Brings journal (D), tracking file (F) and repository (R) together after a start; docs/RULES.md has the table of what follows from what.</summary>
/// <remarks>Idempotent: each step looks at what is there, so a recovery that dies is simply done again.</remarks>
internal sealed class DiskRecovery
{
    private readonly DiskState _state;
    private readonly TrackedDisk _disk;
    private readonly IRepositories _repositories;
    private readonly List<DiskEvent> _events = [];
    private readonly List<(JobId Job, JobConclusion Conclusion, bool KeepPair)> _toSettle = [];
    private readonly List<(JobState Job, OpenRepository Repository)> _toResume = [];
    private readonly List<Func<Task>> _beforeSettling = [];
    private readonly List<Func<Task>> _tidying = [];
    private readonly List<Exception> _problems = [];

    private readonly TimeProvider _clock;
    private IReadOnlyList<(PointId Point, string RepositoryId)> _gone = [];

    private DiskRecovery(DiskState state, TrackedDisk disk, IRepositories repositories, TimeProvider clock)
    {
        (_state, _disk, _repositories, _clock) = (state, disk, repositories, clock);
    }

    /// <summary>What D learns, before F changes.</summary>
    public IReadOnlyList<DiskEvent> Events => _events;

    /// <summary>Jobs that an orderly stop suspended, and whose instant is still there (rule 17).</summary>
    public IReadOnlyList<(JobState Job, OpenRepository Repository)> ToResume => _toResume;

    /// <summary>False = some repository could not be asked, or something went wrong; try again later.</summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>What went wrong for one job or bitmap and did not keep the others from being recovered.</summary>
    public IReadOnlyList<Exception> Problems => _problems;

    /// <summary>Looks at D, F and R, and changes only R (tombstones and partial points). Jobs that it will conclude can store no pair any more.</summary>
    public static async Task<DiskRecovery> PlanAsync(
        DiskState state, TrackedDisk disk, IRepositories repositories, PointPins pins, IReadOnlySet<JobId> running, TimeProvider clock)
    {
        var recovery = new DiskRecovery(state, disk, repositories, clock);
        recovery.CompareBitmaps();
        await recovery.CompareWithBasesAsync().ConfigureAwait(false);
        foreach (var job in state.Jobs.Values.Where(j => !running.Contains(j.Spec.Id)))
        {
            await recovery.TryAsync(() => recovery.PlanJobAsync(job)).ConfigureAwait(false);
        }

        foreach (var stranger in disk.JobsInTracking.Where(j => !state.Jobs.ContainsKey(j.Value)))
        {
            // Successor in F, no job in D.
            recovery._tidying.Add(() => disk.SettleAsync(stranger, BitmapRemainder.SyncBitmap, keepCheckpoint: false));
        }

        // Deletion in D, object still there. What cannot be asked now is shown as a point until its repository is back at a later start.
        recovery._gone = (await PointDeletions.CarryOutAsync(state, repositories, pins).ConfigureAwait(false)).Gone;
        return recovery;
    }

    /// <summary>Settles F by what D says now.</summary>
    public async Task CompleteAsync()
    {
        foreach (var step in _beforeSettling)
        {
            if (!await TryAsync(step).ConfigureAwait(false))
            {
                // Some job cannot be settled rightly, so none is: they are few, and all are tried again.
                _toSettle.Clear();
            }
        }

        foreach (var settling in _toSettle.ToList())
        {
            if (!await TryAsync(() => SettleAsync(_disk, settling.Job, settling.Conclusion, settling.KeepPair)).ConfigureAwait(false))
            {
                _toSettle.Remove(settling);
            }
        }

        foreach (var step in _tidying)
        {
            await TryAsync(step).ConfigureAwait(false);
        }
    }

    /// <summary>What D learns after F was settled.</summary>
    public IReadOnlyList<DiskEvent> Closing(DiskState state) =>
    [
        .. _toSettle.Where(s => !state.Jobs[s.Job.Value].IsSettled).Select(s => new DiskEvent.JobSettled(s.Job)),
        .. _toSettle.Where(s => state.Jobs[s.Job.Value] is { IsDismissed: false, Spec.AutoDismiss: true }).Select(s => new DiskEvent.JobDismissed(s.Job)),
        .. DeletedPoints.Forgotten(state, _gone, _disk.JobsInTracking.Contains),
    ];

    /// <summary>Makes F's sets of the job what the conclusion says. Nothing to do where F does not know the job.</summary>
    public static async Task<bool> SettleAsync(TrackedDisk? disk, JobId job, JobConclusion conclusion, bool keepCheckpoint)
    {
        if (disk is null)
        {
            throw new RefusedException(new Refusal(RefusalCode.WrongState, "the disk is not served by this node"));
        }

        await disk.SettleAsync(job, conclusion.Remainder, keepCheckpoint).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> TryAsync(Func<Task> step)
    {
        try
        {
            await step().ConfigureAwait(false);
            return true;
        }
        catch (Exception e)
        {
            _problems.Add(e);
            IsComplete = false;
            return false;
        }
    }

    private void CompareBitmaps()
    {
        var known = _disk.BitmapSets.ToHashSet();
        foreach (var bitmap in _state.Bitmaps.Values)
        {
            if (!known.Remove(bitmap.SetId))
            {
                if (!bitmap.Persistent)
                {
                    _events.Add(new DiskEvent.BitmapRemoved(bitmap.Name));
                }
                else if (bitmap.InconsistentReason is null)
                {
                    _events.Add(Invalidated(bitmap, "its bits are not in the tracking file"));
                }
            }
            else if (_disk.InconsistentReason(bitmap.SetId) is { } reason)
            {
                if (bitmap.InconsistentReason is null)
                {
                    _events.Add(Invalidated(bitmap, reason));
                }
            }
            else if (!bitmap.Recording)
            {
                // After its job was settled; one that stays busy is left for the next recovery.
                _tidying.Add(() => _disk.TryStopRecordingAsync(bitmap.SetId));
            }
        }

        known.ExceptWith(_state.Groups.Values.Where(g => g.Decision is null).SelectMany(g => g.Overlays.Select(o => o.SetId)));
        foreach (var nameless in known)
        {
            // One that a job has frozen goes when the job is settled.
            _tidying.Add(() => _disk.TryRemoveBitmapAsync(nameless));
        }
    }

    /// <summary>Rule 5, for backings that keep no modification time. A repository that is not there is no reason to distrust anything.</summary>
    private async Task CompareWithBasesAsync()
    {
        var distrusted = _events.OfType<DiskEvent.BitmapInvalidated>().Select(e => e.Name).ToHashSet();
        foreach (var bitmap in _state.Bitmaps.Values.Where(b => b is { BusyWith: null, InconsistentReason: null, Base.State: BaseState.Valid } && !distrusted.Contains(b.Name)))
        {
            try
            {
                if (_state.Definition is { IsExclusive: true } && await BaseSample.FindChangeAsync(_disk, bitmap, _repositories).ConfigureAwait(false) is { } offset)
                {
                    _events.Add(Invalidated(bitmap, $"the backing was changed by somebody else: at {offset} it differs from the base without being dirty"));
                }
            }
            catch (Exception e) when (Failures.Explain(e).Code != RefusalCode.Internal)
            {
                // It is looked at again at the next opening.
            }
        }
    }

    private static DiskEvent.BitmapInvalidated Invalidated(BitmapState bitmap, string reason) => new(bitmap.Name, reason);

    private async Task PlanJobAsync(JobState job)
    {
        var part = job.Conclusion is null && job.Spec.Group is { } group ? _state.Groups.GetValueOrDefault(group.Value) : null;
        if (part is { Decision: null } && !CanGoOn(job))
        {
            // Its group's coordinator decides; until then it stays busy.
            await _disk.FenceAsync(job.Spec.Id).ConfigureAwait(false);
        }
        else if (job is { Conclusion: null, Pending: { } pending })
        {
            // It waits for a person or for its group, with its sets and its pair in F.
            await _disk.FenceAsync(job.Spec.Id).ConfigureAwait(false);
            await AdoptDecidedAsync(job, pending).ConfigureAwait(false);
        }
        else if (part is { Decision: GroupDecision.Undo or GroupDecision.Force })
        {
            await _disk.FenceAsync(job.Spec.Id).ConfigureAwait(false);
            await ConcludeAsync(job, r => BuryAsync(job, r)).ConfigureAwait(false);
        }
        else if (job.Conclusion is null && CanGoOn(job))
        {
            await PlanResumptionAsync(job).ConfigureAwait(false);
        }
        else if (job.Conclusion is null)
        {
            // Its run may still go on in this process, when only the disk's actor died.
            await _disk.FenceAsync(job.Spec.Id).ConfigureAwait(false);
            await ConcludeAsync(job, r => DecideAsync(job, r)).ConfigureAwait(false);
        }
        else if (!job.IsSettled || _disk.IsFrozenBy(job.Spec.Id))
        {
            // Settled in D, frozen in F: F is settled by the same conclusion once more.
            await SettleLaterAsync(job, job.Conclusion).ConfigureAwait(false);
        }
        else if (_disk.JobsInTracking.Contains(job.Spec.Id))
        {
            await PublishKeptAsync(job).ConfigureAwait(false);
        }
    }

    /// <summary>D and F agree that the job was suspended, and F has its instant. A crash since then leaves nothing in F to agree with.</summary>
    private bool CanGoOn(JobState job) =>
        job.Suspended is { } suspended && _disk.Suspended.Contains(new SuspendedSnapshot(job.Spec.Id, suspended.Generation));

    /// <summary>Its blocks are protected already. It waits for its repository, as long as there is room for what guests overwrite.</summary>
    private async Task PlanResumptionAsync(JobState job)
    {
        try
        {
            _toResume.Add((job, await WithRepositoryAsync(job.Spec.RepositoryId, Task.FromResult).ConfigureAwait(false)));
        }
        catch (RefusedException e) when (e.Refusal.Code == RefusalCode.UnknownRepository)
        {
            await _disk.FenceAsync(job.Spec.Id).ConfigureAwait(false);
            await ConcludeAsync(job, r => DecideAsync(job, r)).ConfigureAwait(false);
        }
        catch (Exception e) when (Failures.Explain(e).Code != RefusalCode.Internal)
        {
            IsComplete = false;
        }
    }

    /// <summary>
    /// Concluded, not settled. The copy bitmap may replace the sync bitmap only if it is the one that goes with the point: the tracking file may hold
    /// a newer pair, of which the run never heard that it was durable. When that cannot be shown, the sync bitmap stays; it claims too much, never too little.
    /// </summary>
    private async Task SettleLaterAsync(JobState job, JobConclusion conclusion)
    {
        if (conclusion is not { Remainder: BitmapRemainder.CopyBitmap, Point: { } id })
        {
            _toSettle.Add((job.Spec.Id, conclusion, false));
            return;
        }

        var point = await TryFindAsync(job, p => p.TryGetAsync(id, CancellationToken.None)).ConfigureAwait(false);
        var matches = point is not null && _disk.TryGetCheckpoint(job.Spec.Id, out var pair) && IsOf(pair, job, point);
        var keepPair = point is null && KeptPairs.IsWanted(_state, job.Spec.Id);
        if (!matches && job.Spec.Sync == SyncMode.Full)
        {
            // What a full job was to copy is everything, and its sync bitmap says nothing about what the partial point lacks.
            _beforeSettling.Add(() => _disk.MarkFrozenAsync(job.Spec.Id));
        }

        _toSettle.Add((job.Spec.Id, matches ? conclusion : conclusion with { Remainder = BitmapRemainder.SyncBitmap }, keepPair));
        IsComplete &= !keepPair;
    }

    /// <summary>
    /// Blocks of zeroes change the copy bitmap and not the root, so both are compared; of the blocks that the job was to copy, because the others may
    /// have been lacking before.
    /// </summary>
    private bool IsOf(JobCheckpoint pair, JobState job, RecoveryPoint point)
    {
        var missing = new DirtyBitmap(pair.Copy.Geometry);
        foreach (var run in point.Missing)
        {
            missing.MarkRange(run.First, run.First + run.Count);
        }

        var copyList = PairPoint.CopyListOf(_disk, job, pair.Copy.Geometry);
        missing.IntersectWith(copyList);
        return pair.Root == point.Root && missing.IsSubsetOf(pair.Copy);
    }

    /// <summary>Null also when the repository cannot be asked.</summary>
    private async Task<RecoveryPoint?> TryFindAsync(JobState job, Func<PointStore, Task<RecoveryPoint?>> find)
    {
        try
        {
            return await WithRepositoryAsync(job.Spec.RepositoryId, r => find(r.Data.Points)).ConfigureAwait(false);
        }
        catch (Exception e) when (Failures.Explain(e).Code != RefusalCode.Internal)
        {
            return null;
        }
    }

    /// <summary>A person had decided, and the process died before D heard of it: the point at the job's key says how. Without one the job waits on.</summary>
    private async Task AdoptDecidedAsync(JobState job, PendingJob pending)
    {
        if (await TryFindAsync(job, p => p.TryGetDurableAsync(new PointId(job.Spec.Id.Value), CancellationToken.None)).ConfigureAwait(false) is { } point)
        {
            var conclusion = ConclusionDecider.Conclude(job, PendingJobs.EndOf(point, pending));
            _events.Add(new DiskEvent.JobConcluded(job.Spec.Id, conclusion, _clock.Now()));
            await SettleLaterAsync(job, conclusion).ConfigureAwait(false);
        }
    }

    /// <summary>The job died with its process. Its key in R decides (rule 12).</summary>
    private async Task ConcludeAsync(JobState job, Func<OpenRepository, Task<JobEnd>> decide)
    {
        JobEnd end;
        try
        {
            end = await WithRepositoryAsync(job.Spec.RepositoryId, decide).ConfigureAwait(false);
        }
        catch (RefusedException e) when (e.Refusal.Code == RefusalCode.UnknownRepository)
        {
            // It was detached, so nothing here will ever read its points: as if the job had never run.
            end = Interrupted(null, false);
        }
        catch (Exception e) when (Failures.Explain(e).Code != RefusalCode.Internal)
        {
            IsComplete = false;
            return;
        }

        var conclusion = ConclusionDecider.Conclude(job, end);
        _events.Add(new DiskEvent.JobConcluded(job.Spec.Id, conclusion, _clock.Now()));
        _toSettle.Add((job.Spec.Id, conclusion, false));
    }

    private async Task<JobEnd> DecideAsync(JobState job, OpenRepository repository)
    {
        var points = repository.Data.Points;
        var id = new PointId(job.Spec.Id.Value);
        if (await MakePartialAsync(job, repository).ConfigureAwait(false) is { } partial)
        {
            await points.PublishAsync(partial, CancellationToken.None).ConfigureAwait(false);
        }
        else
        {
            await points.BuryAsync(id, CancellationToken.None).ConfigureAwait(false);
        }

        // Whoever put something there first has decided.
        if (await points.TryGetAsync(id, CancellationToken.None).ConfigureAwait(false) is not { } point)
        {
            return Interrupted(null, false);
        }

        if (!point.IsAborted)
        {
            // Over nothing, or over a partial base, a job that succeeded may leave a point that lacks blocks.
            return new JobEnd(JobOutcome.Success, false, point.Id, point.IsComplete, null, null, JobStatistics.Empty, []);
        }

        var isPairs = _disk.TryGetCheckpoint(job.Spec.Id, out var pair) && IsOf(pair, job, point);
        return Interrupted(isPairs || job.Spec.Bitmap is null ? point.Id : null, false);
    }

    /// <summary>Its group was ended by force: nothing of it stays.</summary>
    private static async Task<JobEnd> BuryAsync(JobState job, OpenRepository repository)
    {
        await repository.Data.Points.BuryAsync(new PointId(job.Spec.Id.Value), CancellationToken.None).ConfigureAwait(false);
        return Interrupted(null, false) with { IsForced = true };
    }

    /// <summary>The partial point of the last durable pair; null when there is none, or the policy does not keep it.</summary>
    private Task<RecoveryPoint?> MakePartialAsync(JobState job, OpenRepository repository) =>
        job is { Policy: BitmapSyncPolicy.Always, Spec.Bitmap: not null }
            ? PairPoint.TryBuildAsync(_state, _disk, job, repository, job.StartedAt, isAborted: true)
            : Task.FromResult<RecoveryPoint?>(null);

    private async Task PublishKeptAsync(JobState job)
    {
        if (!KeptPairs.IsWanted(_state, job.Spec.Id) || !_disk.TryGetCheckpoint(job.Spec.Id, out _))
        {
            _tidying.Add(() => _disk.ForgetCheckpointAsync(job.Spec.Id));
            return;
        }

        try
        {
            await WithRepositoryAsync(
                job.Spec.RepositoryId, r => KeptPairs.PublishAsync(_disk, _state.Definition!, job, r)).ConfigureAwait(false);
        }
        catch (RefusedException e) when (e.Refusal.Code == RefusalCode.UnknownRepository)
        {
            // Detached: should it come back, the next backup into it looks again.
        }
        catch (Exception e) when (Failures.Explain(e).Code != RefusalCode.Internal)
        {
            IsComplete = false;
        }
    }

    private Task<T> WithRepositoryAsync<T>(string repositoryId, Func<OpenRepository, Task<T>> work) =>
        Patience.WithRepositoryAsync(_repositories, repositoryId, repositoryId, work);

    private static JobEnd Interrupted(PointId? point, bool isComplete) =>
        new(
            JobOutcome.Interrupted,
            false,
            point,
            isComplete,
            "the node stopped while the job ran; 'abk job retry' goes on from what was copied",
            nameof(RefusalCode.WrongState),
            JobStatistics.Empty,
            []);
}
