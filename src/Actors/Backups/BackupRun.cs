using ActorBackup.Actors.Jobs;
using ActorBackup.Actors.Persistence;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Trees;
using ActorBackup.Storage.Writing;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Actors.Backups;

/// <summary>One backup from its instant to its point: snapshot, copy, checkpoints, publication. Decides nothing about bitmaps: it says how it ended.</summary>
/// <remarks>
/// Durability goes in one direction (DESIGN, section Repository): blocks, tree, pair in the tracking file, point object. After every failure the
/// last durable pair is what counts; one bounded try to make a newer one is made first.
/// </remarks>
public sealed class BackupRun : IJobRun
{
    private static readonly TimeSpan FlushPatience = TimeSpan.FromSeconds(10);

    /// <summary>A node that is being stopped waits for no more than this, see <see cref="Cluster.NodeActorSystem"/>.</summary>
    private static readonly TimeSpan SuspendPatience = TimeSpan.FromSeconds(8);

    /// <summary>Between tries to publish the point of a committed group.</summary>
    private static readonly TimeSpan PublishPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PublishPauseMost = TimeSpan.FromSeconds(30);

    private readonly DiskDefinition _definition;
    private readonly TrackedDisk _disk;
    private readonly OpenRepository _repository;
    private readonly TimeProvider _clock;
    private readonly string _scratchDirectory;
    private readonly SuspendedJob? _suspended;
    private readonly GroupStart? _groupStart;
    private readonly JobErrors _errors;
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CopyLedger? _ledger;
    private DirtyBitmap? _copyList;
    private RecoveryPoint? _base;
    private DateTimeOffset _instant;
    private CopyPipeline? _pipeline;
    private IReadOnlyList<Extent> _bad = [];
    private bool _isKept;

    /// <param name="definition">Of the disk.</param>
    /// <param name="spec">What to do.</param>
    /// <param name="disk">The data plane.</param>
    /// <param name="repository">Where to.</param>
    /// <param name="control">The job's levers.</param>
    /// <param name="clock">For the instant and back-off.</param>
    /// <param name="scratchDirectory">Where copy-before-write spills to.</param>
    /// <param name="suspended">What an earlier run left; null = the job begins.</param>
    /// <param name="groupStart">The instant that its group took; null = the job takes its own.</param>
    public BackupRun(
        DiskDefinition definition,
        BackupSpec spec,
        TrackedDisk disk,
        OpenRepository repository,
        JobControl control,
        TimeProvider clock,
        string scratchDirectory,
        SuspendedJob? suspended,
        GroupStart? groupStart = null)
    {
        (_definition, Spec, _disk, _repository, Control, _clock, _scratchDirectory, _suspended, _groupStart) =
            (definition, spec, disk, repository, control, clock, scratchDirectory, suspended, groupStart);
        _errors = new JobErrors(spec.OnSourceError, spec.OnTargetError, control, clock);
    }

    public BackupSpec Spec { get; }

    public JobControl Control { get; }

    public JobProgress Progress { get; } = new();

    /// <summary>Live: what is not durably copied yet. Null before the job's instant.</summary>
    public DirtyBitmap? CopyBitmap => _ledger?.CopyBitmap;

    /// <summary>What could not be read, ascending and coalesced.</summary>
    public IReadOnlyList<Extent> BadExtents => _pipeline?.BadExtents ?? [];

    /// <summary>Told once, when the job begins to wait for a person, or for the decision of its group.</summary>
    public Action<PendingJob>? BecamePending { get; set; }

    /// <summary>Completes when the job has its instant: what guests write from then on is not part of the point. Also when it failed before.</summary>
    public Task Begun => _begun.Task;

    /// <summary>Against points that lack something.</summary>
    internal CopyGuards Guards { get; init; } = CopyGuards.On;

    /// <summary>Runs to the end. Never throws.</summary>
    public async Task<IBackupResult> RunAsync()
    {
        try
        {
            return await SnapshotAndCopyAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Refusal? why = Failures.Explain(e);
            if (Spec.Group is not null)
            {
                why = await DecideInGroupAsync(why).ConfigureAwait(false);
            }

            return Ended(Control.IsCancelled ? JobOutcome.Cancelled : JobOutcome.Failed, why, null, false, false);
        }
        finally
        {
            _begun.TrySetResult();
        }
    }

    private async Task<IBackupResult> SnapshotAndCopyAsync()
    {
        Control.MoveTo(JobStatus.Running);
        if (_suspended is { } before)
        {
            _instant = before.Instant;
            Progress.Restore(before.Statistics);
            return await CopyFromAsync(await AdoptAsync().ConfigureAwait(false), isResumed: true).ConfigureAwait(false);
        }

        if (_groupStart is { } start)
        {
            _instant = start.At;
            return await CopyFromAsync(start.Snapshot, isResumed: false).ConfigureAwait(false);
        }

        _base = await FindBaseAsync().ConfigureAwait(false);
        var snapshot = await _disk.StartSnapshotAsync(Request(), Control.Stopped).ConfigureAwait(false);
        _instant = _clock.Now();
        return await CopyFromAsync(snapshot, isResumed: false).ConfigureAwait(false);
    }

    private async Task<DiskSnapshot> AdoptAsync() =>
        await _disk.TryAdoptAsync(Spec.Id).ConfigureAwait(false)
        ?? throw new RefusedException(new Refusal(RefusalCode.WrongState, "the job lost its instant before it could go on; start it again"));

    private async Task<IBackupResult> CopyFromAsync(DiskSnapshot snapshot, bool isResumed)
    {
        // Copy-before-write ends with the copying, whatever a decision about the outcome waits for.
        var isOurs = true;
        try
        {
            await (_groupStart?.Stored ?? Task.CompletedTask).WaitAsync(Control.Stopped).ConfigureAwait(false);
            var pair = isResumed && _disk.TryGetCheckpoint(Spec.Id, out var left) ? left : (JobCheckpoint?)null;
            _base ??= await FindBaseAsync().ConfigureAwait(false);
            _copyList = snapshot.CopyList;
            _ledger = new CopyLedger((pair?.Copy ?? snapshot.CopyList).Clone(), keepZeroes: _base is not null && Guards.ZeroesOverBase);
            Progress.SetTotal(BytesOf(snapshot.CopyList));
            _begun.SetResult();
            var session = _repository.Data.Writer.StartSession(new DurableBlocks(snapshot.Geometry, _ledger, Progress, _errors), _repository.Data.Nodes);
            await using (session.ConfigureAwait(false))
            {
                var shape = new TreeShape(snapshot.Geometry);
                using var checkpoints = new JobCheckpoints(Spec, _disk, shape, pair?.Root ?? _base?.Root ?? default, pair?.Copy.Clone(), session, _ledger, _errors, _clock, Guards);
                var (isCopied, failure) = await CopyAsync(snapshot, session, checkpoints).ConfigureAwait(false);
                if (!isCopied)
                {
                    var suspended = await TrySuspendAsync(snapshot, checkpoints).ConfigureAwait(false);
                    isOurs = suspended.Suspended is null;
                    return suspended;
                }

                isOurs = false;
                await snapshot.DisposeAsync().ConfigureAwait(false);
                return await ConcludeAsync(failure, checkpoints).ConfigureAwait(false);
            }
        }
        finally
        {
            if (isOurs)
            {
                await snapshot.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>The node is being stopped: makes durable what was read, and lets go of the snapshot. What cannot be done soon is not done: the next start finds what a crash leaves.</summary>
    private async Task<BackupSuspended> TrySuspendAsync(DiskSnapshot snapshot, JobCheckpoints checkpoints)
    {
        Progress.Phase = "suspending";
        using var late = new CancellationTokenSource(SuspendPatience, Patience.Clock);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Control.Stopped, late.Token);
        try
        {
            await checkpoints.TakeAsync(patience.Token, isLast: true).WaitAsync(patience.Token).ConfigureAwait(false);
            var stopped = Control.StoppedBy;
            var suspended = new SuspendedJob(
                _disk.Generation, _instant, Progress.Read(), Control.Rate.BytesPerSecond, Control.Gate.IsPaused, stopped?.Message, stopped?.Code.ToString());
            await _disk.SuspendAsync(snapshot).ConfigureAwait(false);
            return new BackupSuspended(Spec.Id, suspended, null);
        }
        catch (Exception e)
        {
            return new BackupSuspended(Spec.Id, null, e);
        }
    }

    private async Task<RecoveryPoint?> FindBaseAsync()
    {
        if (Spec.Base is not { } basePoint)
        {
            return null;
        }

        var found = await _repository.Data.Points.TryGetAsync(basePoint, Control.Stopped).ConfigureAwait(false)
            ?? throw new RefusedException(new Refusal(RefusalCode.BaseLost, $"the base {basePoint} vanished from repository '{Spec.Repository}'; run a full backup"));
        return found.SizeBytes == _definition.SizeBytes && found.BlockBytes == _definition.BlockBytes
            ? found
            : throw new RefusedException(new Refusal(
                RefusalCode.InvalidSize, $"the base {basePoint} is of a disk of {found.SizeBytes} bytes in blocks of {found.BlockBytes}; run a full backup"));
    }

    private SnapshotRequest Request() => JobSnapshots.RequestOf(Spec, _scratchDirectory);

    /// <summary>Copies everything and makes it durable, or says why it did not. Not copied = the job is being suspended, and nobody reads the snapshot any more.</summary>
    private async Task<(bool IsCopied, Refusal? Failure)> CopyAsync(DiskSnapshot snapshot, BlockSession session, JobCheckpoints checkpoints)
    {
        Progress.Phase = "copying";
        var pipeline = _pipeline = new CopyPipeline(Spec, snapshot, session, _ledger!, Control, Progress, _errors, _clock);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Control.Stopped);
        var checkpointing = Task.Run(() => checkpoints.RunAsync(stop.Token), CancellationToken.None);
        var copying = pipeline.RunAsync(stop.Token);
        try
        {
            // A checkpoint that fails says earlier than the copying that the repository or the tracking file is gone.
            await (await Task.WhenAny(copying, checkpointing).ConfigureAwait(false)).ConfigureAwait(false);
            await stop.CancelAsync().ConfigureAwait(false);
            await IgnoreAsync(checkpointing).ConfigureAwait(false);
            if (!await copying.ConfigureAwait(false))
            {
                return (false, null);
            }

            Progress.Phase = "flushing";
            await checkpoints.TakePatientlyAsync(Control.Stopped).ConfigureAwait(false);
            _bad = pipeline.BadExtents;
            return (true, _bad.Count == 0
                ? null
                : new Refusal(RefusalCode.IoError, $"{_bad.Sum(e => e.Length)} bytes of the disk could not be read; the point is partial ('abk job show {Spec.Id}' lists them)"));
        }
        catch (Exception e)
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await IgnoreAsync(copying).ConfigureAwait(false);
            await IgnoreAsync(checkpointing).ConfigureAwait(false);
            _bad = pipeline.BadExtents;
            return (true, Control.IsCancelled ? Cancelled() : Failures.Explain(e));
        }
    }

    private async Task<BackupEnded> ConcludeAsync(Refusal? failure, JobCheckpoints checkpoints)
    {
        var waits = !Spec.AutoFinalize && !Spec.IsGrouped && !Control.IsCancelled && !Control.IsAbandoned;
        if (failure is not null && !Control.IsForced && !Control.IsAbandoned && (waits || Control.Policy == BitmapSyncPolicy.Always))
        {
            Progress.Phase = "keeping what was copied";
            await KeepAsync(checkpoints).ConfigureAwait(false);
        }

        if (Spec.Group is not null)
        {
            failure = await DecideInGroupAsync(failure).ConfigureAwait(false);
            waits &= !Control.IsCancelled;
        }

        // From here on the policy is fixed: the point that is published depends on it.
        var hasFailed = failure is not null && !Control.IsCancelled;
        Control.MoveTo(waits || failure is null ? JobStatus.Waiting : JobStatus.Aborting);
        if (waits)
        {
            Progress.Phase = "waiting for finalize";
            Control.Failure = failure;
            BecamePending?.Invoke(new PendingJob(failure?.Message, failure?.Code.ToString(), Progress.Read(), _bad, _instant));
            var decision = await Control.DecideAsync().ConfigureAwait(false);
            _isKept = decision == JobDecision.Keep;
            if (decision == JobDecision.Discard)
            {
                failure ??= new Refusal(RefusalCode.WrongState, "the job was discarded by 'finalize --discard'");
                Control.Cancel(force: true);
            }
        }

        if (failure is null && Control.TryCommit())
        {
            return await PublishAsync(checkpoints).ConfigureAwait(false);
        }

        Control.MoveTo(JobStatus.Aborting);
        return Control.IsAbandoned || Control.IsForced
            ? Ended(hasFailed ? JobOutcome.Failed : JobOutcome.Cancelled, failure ?? Cancelled(), null, false, false)
            : await AbortAsync(failure ?? Cancelled(), checkpoints).ConfigureAwait(false);
    }

    /// <summary>Waits for what the group's coordinator decides; before that no job of a group settles (rule 18). Returns why the job does not succeed.</summary>
    private async Task<Refusal?> DecideInGroupAsync(Refusal? failure)
    {
        if (Spec.IsGrouped && !Control.GroupDecision.IsCompleted)
        {
            Progress.Phase = "waiting for its group";
            Control.Failure = failure;
            Control.Vote();
            Control.MoveTo(JobStatus.Waiting);
            BecamePending?.Invoke(new PendingJob(failure?.Message, failure?.Code.ToString(), Progress.Read(), _bad, _instant)
            {
                IsCancelled = Control.IsCancelled,
                IsForced = Control.IsForced,
            });
        }

        await Control.GroupDecision.ConfigureAwait(false);
        return Control.IsCancelledByGroup
            ? new Refusal(RefusalCode.WrongState, Control.IsForced ? "its group was cancelled by force" : "another job of its group did not succeed")
            : failure;
    }

    /// <summary>One bounded try for a newer pair (rule 10).</summary>
    private static async Task KeepAsync(JobCheckpoints checkpoints)
    {
        using var patience = new CancellationTokenSource(FlushPatience, Patience.Clock);
        await IgnoreAsync(Task.Run(() => checkpoints.TakeAsync(patience.Token)).WaitAsync(FlushPatience + FlushPatience, Patience.Clock)).ConfigureAwait(false);
    }

    private async Task<BackupEnded> PublishAsync(JobCheckpoints checkpoints)
    {
        Progress.Phase = "publishing";
        var point = PointBuilder.Build(_definition, Spec, _base, _copyList!, checkpoints.Copy!, checkpoints.Root, _instant, isAborted: false, Guards);
        try
        {
            return await (Spec.IsGrouped ? PutCommittedAsync(point) : PutAsync(point)).ConfigureAwait(false) == PublishOutcome.Buried
                ? Ended(JobOutcome.Interrupted, new Refusal(RefusalCode.WrongState, "another node concluded this job meanwhile"), null, false, false)
                : Ended(JobOutcome.Success, null, point.Id, point.IsComplete, false);
        }
        catch (Exception e) when (Spec.IsGrouped)
        {
            // The run was stopped, and the next one publishes: nothing may be put in the way of that.
            return Ended(JobOutcome.Interrupted, Failures.Explain(e), null, false, false);
        }
        catch (Exception e)
        {
            var failed = await AbortAsync(Failures.Explain(e), checkpoints).ConfigureAwait(false);
            return await FindPublishedAsync(failed).ConfigureAwait(false) is { } there
                ? Ended(JobOutcome.Success, null, there.Id, there.IsComplete, false)
                : failed;
        }
    }

    /// <summary>The group has committed, and its other points may be there already: this one follows, however long its repository is away (rule 20).</summary>
    /// <exception cref="OperationCanceledException">The run was abandoned; whoever opens the disk next publishes.</exception>
    private async Task<PublishOutcome> PutCommittedAsync(RecoveryPoint point)
    {
        for (var pause = PublishPause; ; pause = pause + pause < PublishPauseMost ? pause + pause : PublishPauseMost)
        {
            try
            {
                return await PutAsync(point).ConfigureAwait(false);
            }
            catch (Exception e) when (!Control.IsAbandoned)
            {
                Progress.Phase = $"waiting to publish: {Failures.Explain(e).Message}";
                await Task.Delay(pause, _clock, Control.Stopped).ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// The put of the point failed, and may have been done all the same, or be done later: what lies at the job's key is the truth (rule 12). Where the
    /// repository answers the key is taken, so that no complete point of a failed job can appear.
    /// </summary>
    private async Task<RecoveryPoint?> FindPublishedAsync(BackupEnded failed)
    {
        try
        {
            return await Patience.WithinAsync(FlushPatience, Spec.Repository.Value, async () =>
            {
                var id = new PointId(Spec.Id.Value);
                await _repository.EnsureAvailableAsync().ConfigureAwait(false);
                if (!failed.IsPointUnpublished)
                {
                    await _repository.Data.Points.BuryAsync(id, CancellationToken.None).ConfigureAwait(false);
                }

                return await _repository.Data.Points.TryGetDurableAsync(id, CancellationToken.None).ConfigureAwait(false) is { IsAborted: false } point ? point : null;
            }).ConfigureAwait(false);
        }
        catch (Exception)
        {
            return null;
        }
    }

    /// <summary>Failure or cancel: under <c>always</c> what was copied becomes a partial point; so does a copy with unreadable gaps under any policy.</summary>
    private async Task<BackupEnded> AbortAsync(Refusal why, JobCheckpoints checkpoints)
    {
        var outcome = Control.IsCancelled ? JobOutcome.Cancelled : JobOutcome.Failed;
        var goesPastErrors = Spec.OnSourceError == ErrorPolicy.Ignore && _bad.Count > 0 && !Control.IsCancelled;
        var keeps = Control.Policy == BitmapSyncPolicy.Always || _isKept || goesPastErrors;
        if (!keeps || checkpoints.Copy is not { } copy || copy.Count() == _copyList!.Count())
        {
            return Ended(outcome, why, null, false, false);
        }

        Progress.Phase = "publishing the partial point";
        var point = PointBuilder.Build(_definition, Spec, _base, _copyList!, copy, checkpoints.Root, _instant, isAborted: true, Guards);
        try
        {
            return await Patience.WithinAsync(FlushPatience, Spec.Repository.Value, () => PutAsync(point)).ConfigureAwait(false) == PublishOutcome.Buried
                ? Ended(JobOutcome.Interrupted, why, null, false, false)
                : Ended(outcome, why, point.Id, point.IsComplete, false);
        }
        catch (Exception)
        {
            // The pair in the tracking file is the point, until it can be put (ADR 3). That works where the pair alone says what the point lacks.
            var canWait = Spec.Bitmap is not null && Control.Policy == BitmapSyncPolicy.Always && PointBuilder.LacksOnlyCopy(_base, _copyList!);
            return Ended(outcome, why, canWait ? point.Id : null, false, canWait);
        }
    }

    /// <summary>Not into another repository that was put in the place of the job's own.</summary>
    private async Task<PublishOutcome> PutAsync(RecoveryPoint point)
    {
        await _repository.EnsureAvailableAsync().ConfigureAwait(false);
        return await _repository.Data.Points.PublishAsync(point, CancellationToken.None).ConfigureAwait(false);
    }

    private BackupEnded Ended(JobOutcome outcome, Refusal? why, PointId? point, bool isComplete, bool isUnpublished) =>
        new(
            Spec.Id,
            new JobEnd(
                outcome,
                Control.IsForced || Control.IsAbandoned,
                point,
                isComplete,
                outcome == JobOutcome.Success ? null : why?.Message,
                outcome == JobOutcome.Success ? null : why?.Code.ToString(),
                Progress.Read(),
                _bad),
            isUnpublished);

    private static Refusal Cancelled() => new(RefusalCode.WrongState, "cancelled");

    private static long BytesOf(DirtyBitmap blocks)
    {
        var geometry = blocks.Geometry;
        var last = geometry.BlockCount - 1;
        return (blocks.Count() * geometry.BlockBytes) - (last >= 0 && blocks[last] ? geometry.BlockBytes - geometry.LengthOf(last) : 0);
    }

    /// <summary>For tasks whose failure is known already or changes nothing.</summary>
    private static async Task IgnoreAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Said above.
        }
    }
}
